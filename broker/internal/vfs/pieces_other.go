//go:build !linux

package vfs

import "os"

// writeVec writes piece by piece: there is no call for a file with an offset that takes several.
func writeVec(f *os.File, pieces [][]byte, off int64) error {
	for _, p := range pieces {
		if _, err := f.WriteAt(p, off); err != nil {
			return err
		}
		off += int64(len(p))
	}
	return nil
}
