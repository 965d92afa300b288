package partlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/typelog/typelog/broker/internal/log"
)

// strays are directories that no topic claims, on their way to stray/. What the journal still holds for them goes into files
// beside them, because it is released before anybody can put them back.
type strays struct {
	e      *Engine
	prefix string   // of all their new names
	dirs   []string // names below topics: a topic, or a topic and a partition
	frames *strander
}

func (e *Engine) findStrays(keep func(log.Partition) bool) (*strays, error) {
	s := &strays{e: e, prefix: filepath.Join(e.opts.Dir, "stray", e.opts.Clock().UTC().Format("20060102T150405.000000000Z-"))}
	s.frames = e.newStrander(func(id log.Partition) string { return s.prefix + strandedName(id) + ".frames" })
	root := filepath.Join(e.opts.Dir, "topics")
	topics, err := e.fs.List(root)
	if err != nil {
		return nil, err
	}
	known := map[string]log.TopicID{}
	for _, t := range e.opts.Topics {
		known[fmt.Sprintf("%x", t.ID[:])] = t.ID
	}
	for _, t := range topics {
		id, ok := known[t.Name]
		if !ok {
			s.dirs = append(s.dirs, t.Name)
			continue
		}
		parts, err := e.fs.List(filepath.Join(root, t.Name))
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			n, err := strconv.ParseInt(p.Name, 10, 32)
			if err == nil && strconv.FormatInt(n, 10) == p.Name && keep(log.Partition{Topic: id, Index: int32(n)}) {
				continue
			}
			s.dirs = append(s.dirs, filepath.Join(t.Name, p.Name))
		}
	}
	return s, nil
}

// has reports whether a partition's files are among them. A partition without any was deleted.
func (s *strays) has(topic, partition string) bool {
	for _, d := range s.dirs {
		if d == topic || d == filepath.Join(topic, partition) {
			return true
		}
	}
	return false
}

// keep takes a frame of a partition that does not exist.
func (s *strays) keep(id log.Partition, payload []byte) error {
	if !s.has(fmt.Sprintf("%x", id.Topic[:]), strconv.Itoa(int(id.Index))) {
		return nil
	}
	return s.frames.add(id, payload, 0)
}

// setAside makes the frames durable and then moves the files, and returns where the directories are.
func (s *strays) setAside() ([]string, error) {
	e := s.e
	if err := s.frames.finish(); err != nil {
		return nil, err
	}
	if err := s.sortStranded(); err != nil {
		return nil, err
	}
	var aside []string
	for _, d := range s.dirs {
		from := filepath.Join(e.opts.Dir, "topics", d)
		to := s.prefix + strings.ReplaceAll(d, string(filepath.Separator), "-")
		if err := e.fs.Rename(from, to); err != nil {
			return aside, err
		}
		e.log.Warn("a directory belongs to no topic and was set aside", "from", from, "to", to)
		aside = append(aside, to)
		if err := errors.Join(e.fs.SyncDir(filepath.Dir(to)), e.fs.SyncDir(filepath.Dir(from))); err != nil {
			return aside, err
		}
	}
	return aside, nil
}

// sortStranded moves stranded files of the strays beside them too, and removes those that nobody needs any more.
func (s *strays) sortStranded() error {
	e := s.e
	needed := map[string]bool{}
	for id := range e.ledger.strandedAll() {
		needed[strandedName(id)] = true
	}
	entries, err := e.fs.List(e.strandedDir())
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if needed[entry.Name] {
			continue
		}
		from := filepath.Join(e.strandedDir(), entry.Name)
		topic, partition, _ := strings.Cut(entry.Name, "-")
		if s.has(topic, partition) {
			to := s.prefix + entry.Name + ".stranded"
			err = e.fs.Rename(from, to)
			err = errors.Join(err, e.fs.SyncDir(filepath.Dir(to)), e.fs.SyncDir(e.strandedDir()))
		} else {
			err = e.fs.Remove(from)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
