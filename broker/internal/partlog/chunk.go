package partlog

import (
	"io"
	"net"
)

// chunk is a range of a segment file. It holds the file open, so that its bytes stay readable when the segment is
// removed.
type chunk struct {
	h      *handle
	off, n int64
}

func (c *chunk) Len() int64 { return c.n }

// WriteTo sends the range: with sendfile to a TCP connection where the system has it with an offset, otherwise by
// copying.
func (c *chunk) WriteTo(w io.Writer) (int64, error) {
	if conn, ok := w.(*net.TCPConn); ok {
		if f := c.h.OS(); f != nil {
			if n, err, done := sendFile(conn, f, c.off, c.n); done {
				return n, err
			}
		}
	}
	// Only the two methods that are needed, so that no shortcut uses the file's shared position.
	return io.Copy(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(c.h, c.off, c.n)})
}

// Release gives the file back. A second call does nothing.
func (c *chunk) Release() {
	if c.h != nil {
		c.h.files.put(c.h)
		c.h = nil
	}
}
