package broker

import (
	"context"
	"path/filepath"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/partlog"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// Damage is a place in a file that does not match its checksum.
type Damage struct {
	File   string
	Offset int64 // in bytes from the start of the file
	Reason string
}

// Verify reads all log files in the directory of a broker that does not run, changes nothing, and calls found for each damaged
// place. It returns how many files and bytes it has read; an error means that it could not go on.
func Verify(ctx context.Context, dir string, found func(Damage)) (files int, bytes int64, err error) {
	c, err := partlog.Verify(ctx, vfs.OS{}, filepath.Join(dir, "partitions"), func(bad *log.CorruptError) {
		found(Damage{File: bad.File, Offset: bad.Offset, Reason: bad.Reason})
	})
	return c.Files, c.Bytes, err
}
