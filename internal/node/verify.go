package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/typelog/typelog/broker"
	"github.com/typelog/typelog/internal/datadir"
)

// Verify reads all log files in a data directory, which it holds meanwhile, and calls found for each damaged place. It fails
// with datadir.ErrLocked if a server runs on the directory.
func Verify(ctx context.Context, dir string, found func(broker.Damage)) (files int, bytes int64, err error) {
	// Opening a data directory makes it if it is missing, which nobody wants here.
	if _, err := os.Stat(filepath.Join(dir, "typelog.json")); errors.Is(err, fs.ErrNotExist) {
		return 0, 0, fmt.Errorf("%s is no data directory: it has no typelog.json", dir)
	}
	held, err := datadir.Open(dir)
	if err != nil {
		return 0, 0, err
	}
	files, bytes, err = broker.Verify(ctx, filepath.Join(held.Path, "broker"), found)
	return files, bytes, errors.Join(err, held.Close())
}
