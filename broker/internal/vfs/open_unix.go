//go:build linux || darwin

package vfs

import "os"

func createFile(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
}

func openFile(name string) (*os.File, error) { return os.OpenFile(name, os.O_RDWR, 0) }

func openRead(name string) (*os.File, error) { return os.Open(name) }
