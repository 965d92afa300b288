package partlog

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/logtest"
	"github.com/typelog/typelog/broker/internal/vfs"
)

// gate holds up flushes of the journal's files while it is closed.
type gate struct {
	vfs.FS
	mu sync.RWMutex
}

func (g *gate) OpenDirect(name string) (vfs.File, error) {
	f, err := g.FS.OpenDirect(name)
	if err != nil || !strings.HasSuffix(filepath.Dir(name), "journal") {
		return f, err
	}
	return &gatedFile{f, g}, nil
}

type gatedFile struct {
	vfs.File
	g *gate
}

func (f *gatedFile) Sync() error {
	f.g.mu.RLock()
	defer f.g.mu.RUnlock()
	return f.File.Sync()
}

// reopened opens the engine again with the topics that it had.
func reopened(t *testing.T, e *Engine) *Engine {
	t.Helper()
	opts := e.opts
	opts.Topics = topicsOf(e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, report, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	if !report.Clean || len(report.Faults)+len(report.Stray) != 0 {
		t.Errorf("after a clean shutdown: %+v", report)
	}
	return e
}

// topicsOf is what a catalogue would know.
func topicsOf(e *Engine) []Topic {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var topics []Topic
	for id, parts := range e.topics {
		topics = append(topics, Topic{ID: id, Partitions: int32(len(parts)), Config: parts[0].cfg})
	}
	return topics
}

func TestConformance(t *testing.T) {
	open := func(t *testing.T) log.Engine {
		e, _, err := Open(Options{Dir: filepath.Join(t.TempDir(), "log"), FS: &gate{FS: vfs.OS{}}, JournalBound: 16 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	hold := func(e log.Engine) func() {
		g := e.(*Engine).fs.(*gate)
		g.mu.Lock()
		return sync.OnceFunc(g.mu.Unlock)
	}
	reopen := func(t *testing.T, e log.Engine) log.Engine { return reopened(t, e.(*Engine)) }
	logtest.Run(t, open, logtest.WithHold(hold), logtest.WithReopen(reopen))
}
