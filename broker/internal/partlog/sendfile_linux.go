package partlog

import (
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// maxSend is the most that one call of sendfile moves, in bytes.
const maxSend = 4 << 20

// sendFile sends n bytes of f from off on. Many senders may use f at once: the offset is passed with each call. done is
// false if nothing was sent because sendfile does not work here.
func sendFile(conn *net.TCPConn, f *os.File, off, n int64) (sent int64, err error, done bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err, true
	}
	from, err := f.SyscallConn()
	if err != nil {
		return 0, err, true
	}
	// The descriptor of f is used inside Control, which keeps it from being closed meanwhile.
	var callErr error
	err = raw.Write(func(to uintptr) bool {
		for sent < n {
			var m int
			at := off + sent
			if err := from.Control(func(fd uintptr) {
				m, callErr = unix.Sendfile(int(to), int(fd), &at, int(min(n-sent, maxSend)))
			}); err != nil {
				callErr = err
				return true
			}
			switch {
			case m > 0:
				sent += int64(m)
			case errors.Is(callErr, unix.EINTR):
			case errors.Is(callErr, unix.EAGAIN):
				callErr = nil
				return false
			case callErr != nil:
				return true
			default:
				callErr = io.ErrUnexpectedEOF // the file is shorter than it was
				return true
			}
		}
		callErr = nil
		return true
	})
	if err == nil {
		err = callErr
	}
	if sent == 0 && (errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS)) {
		return 0, nil, false
	}
	return sent, err, true
}
