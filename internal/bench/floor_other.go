//go:build !linux

package bench

import "os"

func openDirect(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
}

func settle(int) {}

func syncData(f *os.File) error { return f.Sync() }
