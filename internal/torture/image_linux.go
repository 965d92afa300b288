package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/typelog/typelog/internal/child"
)

const (
	// goingDown is XFS_IOC_GOINGDOWN and EXT4_IOC_SHUTDOWN: _IOR('X', 125, __u32).
	goingDown = 0x8004587d
	// noLogFlush ends the file system without writing what it still has in memory, as a power cut does.
	noLogFlush = 2
)

// image is a file system in a file, mounted through a loop device. It needs root.
type image struct {
	kind, file, mount string
	mounted           bool
	frozen            bool // see cut
}

func newImage(ctx context.Context, work, kind string, mib int64) (*image, error) {
	img := &image{kind: kind, file: filepath.Join(work, "image"), mount: filepath.Join(work, "mount")}
	if err := errors.Join(os.WriteFile(img.file, nil, 0o600), os.Truncate(img.file, mib<<20), os.Mkdir(img.mount, 0o700)); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "mkfs."+kind, "-q", img.file).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mkfs.%s: %w: %s (xfs needs the package xfsprogs)", kind, err, out)
	}
	return img, img.up()
}

func (img *image) dir() string { return filepath.Join(img.mount, "data") }

func (img *image) up() error {
	out, err := exec.Command("mount", "-t", img.kind, "-o", "loop", img.file, img.mount).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount (needs root): %w: %s", err, out)
	}
	img.mounted = true
	return nil
}

func (img *image) down() error {
	if !img.mounted {
		return nil
	}
	var err error
	for range 100 { // the last descriptors of a process that was killed may take a moment
		if err = unix.Unmount(img.mount, 0); !errors.Is(err, syscall.EBUSY) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", img.mount, err)
	}
	img.mounted = false
	return nil
}

func (img *image) close() {
	if err := img.down(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// cut shuts the file system down under load. If frozen is set, the process is stopped before, so that it says nothing
// afterwards: that is a power cut. Otherwise it lives on for a moment, on a disk that has gone. On XFS an fdatasync that
// races with the shutdown may then succeed for data that is lost (seen with Linux 6.18 and no broker at all), so a run
// on XFS that lives on can report a lost write of the very last flush.
func (img *image) cut(srv *child.Server) error {
	if img.frozen {
		if err := freeze(srv.PID()); err != nil {
			return err
		}
	}
	f, err := os.Open(img.mount)
	if err != nil {
		return err
	}
	err = unix.IoctlSetPointerInt(int(f.Fd()), goingDown, noLogFlush)
	f.Close()
	if err != nil {
		return fmt.Errorf("shut %s down: %w", img.mount, err)
	}
	if !img.frozen {
		time.Sleep(50 * time.Millisecond)
	}
	if err := srv.Kill(); err != nil {
		return err
	}
	if err := img.down(); err != nil {
		return err
	}
	return img.up()
}

// freeze stops all threads of a process, and returns once none of them runs.
func freeze(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stop the broker: %w", err)
	}
	for range 1000 {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			return err
		}
		running := false
		for _, name := range threads {
			text, err := os.ReadFile(name)
			// After the name in parentheses. A thread that waits for the disk (D) stops before it returns to the program.
			_, state, _ := strings.Cut(string(text), ") ")
			running = running || err == nil && !strings.HasPrefix(state, "T") && !strings.HasPrefix(state, "D")
		}
		if !running {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return errors.New("the broker did not stop")
}
