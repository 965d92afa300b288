package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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

// cut shuts the file system down under load. The broker lives on for a moment, so that it can show what it
// does with a disk that has gone: nothing that it says then may be untrue later.
func (img *image) cut(kill func() error) error {
	f, err := os.Open(img.mount)
	if err != nil {
		return err
	}
	err = unix.IoctlSetPointerInt(int(f.Fd()), goingDown, noLogFlush)
	f.Close()
	if err != nil {
		return fmt.Errorf("shut %s down: %w", img.mount, err)
	}
	time.Sleep(50 * time.Millisecond)
	if err := kill(); err != nil {
		return err
	}
	if err := img.down(); err != nil {
		return err
	}
	return img.up()
}
