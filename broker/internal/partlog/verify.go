package partlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// Checked is what Verify has read.
type Checked struct {
	Files int
	Bytes int64
}

// Verify reads all that the ledger of a stopped engine's directory says was flushed, changes nothing, and calls found for each
// damaged range, in no order. What lies behind, the next start recovers from the journal. An error means that it could not
// go on.
func Verify(ctx context.Context, fsys vfs.FS, dir string, found func(*log.CorruptError)) (Checked, error) {
	var c Checked
	l := &ledger{fs: fsys, dir: dir, states: map[log.Partition]span{}, starts: map[log.Partition]int64{}, stranded: map[log.Partition]int64{}}
	b, err := readFile(fsys, l.path())
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("there are no partitions in %s: %w", dir, err)
	}
	if err != nil {
		return c, err
	}
	c.Files, c.Bytes = 1, int64(len(b))
	states := map[log.Partition][]byte{}
	if err := l.parse(b, states); err != nil {
		var bad *log.CorruptError
		if errors.As(err, &bad) {
			found(bad)
			return c, nil
		}
		return c, err
	}
	e := &Engine{opts: Options{Dir: dir}, fs: fsys, ledger: l}
	for id, body := range states {
		if err := c.partition(ctx, e, id, body, found); err != nil {
			return c, err
		}
	}
	for id, size := range l.stranded {
		err := readStranded(fsys, e.strandedPath(id), size, func([]byte) error { return ctx.Err() })
		c.Files, c.Bytes = c.Files+1, c.Bytes+size
		var bad *log.CorruptError
		if errors.As(err, &bad) {
			found(bad)
		} else if err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *Checked) partition(ctx context.Context, e *Engine, id log.Partition, body []byte, found func(*log.CorruptError)) error {
	dir := e.partitionDir(id)
	if _, err := e.fs.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil // the topic was deleted, or a start has said that it is missing
	}
	p := newPartition(id, dir, log.Config{})
	state, err := parseState(body)
	if err == nil {
		err = p.take(&state, e.ledger.starts[id])
	}
	if err != nil {
		found(&log.CorruptError{File: e.ledger.path(), Reason: fmt.Sprintf("the state of %s: %v", id, err)})
		return nil
	}
	for i, s := range p.segments {
		if s.size == 0 || i+1 < len(p.segments) && p.segments[i+1].base <= p.logStart {
			continue // empty, or trimmed and perhaps gone
		}
		if err := c.segment(ctx, e.fs, s, filepath.Clean(s.path()), found); err != nil {
			return err
		}
	}
	return nil
}

func (c *Checked) segment(ctx context.Context, fsys vfs.FS, s *segment, name string, found func(*log.CorruptError)) error {
	f, err := fsys.OpenRead(name)
	if errors.Is(err, fs.ErrNotExist) {
		found(&log.CorruptError{File: name, Reason: "the segment is missing"})
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	c.Files++
	err = s.verify(f, s.size, func(n int64) bool {
		c.Bytes += n
		return ctx.Err() == nil
	}, func(d damage) {
		found(&log.CorruptError{File: name, Offset: d.from, Reason: d.reason})
	})
	return errors.Join(err, ctx.Err())
}
