package partlog

import (
	"fmt"
	"math"
	"sync"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/log/producer"
	"github.com/typelog/typelog/broker/internal/record"
)

// partition is one partition. An idle one costs this struct and one segment, and no descriptor.
type partition struct {
	id  log.Partition
	dir string

	// io is held while segments are written, and while the partition's directory is moved or synced. It is taken
	// before mu.
	io       sync.Mutex
	newFiles bool // a file was created since the directory was synced; guarded by io

	// round holds the writer's ops of one round; only the writer uses it.
	round []*op
	// settled is the last op of a group; only the journal's goroutine uses it.
	settled *op

	// drained is a sequence number of the journal below which all frames of a stopped partition lie, 0 if unknown; guarded by
	// the engine's checkpointing.
	drained uint64

	mu sync.Mutex
	// err refuses everything: the partition is damaged or missing. It is set before the engine serves, never later.
	err error
	// stopped refuses writes: a segment could not be written or flushed. forRoom says that it was for want of room, and that
	// the partition comes back when there is some; otherwise the next start brings it back.
	stopped error
	forRoom bool
	gone    bool // deleted
	cfg     log.Config
	// unjournaled says that batches pass by the journal. It follows cfg.FlushOS once the ledger says so.
	unjournaled bool
	dirty       bool // on the engine's list for the next checkpoint
	next        int64
	logStart    int64
	high        int64
	stable      int64
	// visible is where high lies: in this segment, at this byte.
	visible    *segment
	visiblePos int64
	// durable is the next offset of the last checkpoint: all below is in flushed segments.
	durable   int64
	segments  []*segment // by base, at least one; the last is the active one. Replaced, never changed in place
	producers producer.Table
	epochs    []epochStart
	watchers  map[*watcher]struct{}

	// cleaned is the offset below which every record has been held against all later ones below it: where compaction goes on.
	cleaned int64
	// replaced are segments that compaction has written anew. Their files stay until the ledger names the new ones.
	replaced []*segment
	swaps    int // how often segments were replaced
	// uncompactable: compaction met damaged bytes.
	uncompactable bool
}

func newPartition(id log.Partition, dir string, cfg log.Config) *partition {
	p := &partition{id: id, dir: dir, cfg: cfg, unjournaled: cfg.FlushOS}
	p.segments = []*segment{{dir: dir, maxTime: -1}}
	p.visible = p.segments[0]
	return p
}

// usable is called with mu held.
func (p *partition) usable(doing string) error {
	switch {
	case p.gone:
		return fmt.Errorf("%s %s: %w", doing, p.id, log.ErrUnknownPartition)
	case p.err != nil:
		return fmt.Errorf("%s %s: %w", doing, p.id, p.err)
	}
	return nil
}

// bounds is what readers are told. The log start may have passed the beginning of a transaction that is open: a reader that was sent
// there, and from there to the log start, would go in circles.
func (p *partition) bounds() log.Bounds {
	return log.Bounds{LogStart: p.logStart, HighWatermark: p.high, LastStable: max(p.stable, p.logStart)}
}

func (p *partition) active() *segment { return p.segments[len(p.segments)-1] }

// place gives a batch its offset, epoch and time, and its place in a segment. mu is held. The producer table is not
// touched.
func (p *partition) place(b record.Batch, epoch int32, now int64) (h record.Header, s *segment, pos int64) {
	b.SetBaseOffset(p.next)
	b.SetLeaderEpoch(epoch)
	if p.cfg.AppendTime && !b.Attributes().Control() {
		b.SetAppendTime(now)
	}
	h = b.Header()
	s, pos = p.position(&h, now)
	return h, s, pos
}

// position counts a batch with its header complete. mu is held.
func (p *partition) position(h *record.Header, now int64) (*segment, int64) {
	s := p.active()
	if s.size > 0 && p.full(s, h, now) {
		s = p.roll(h.BaseOffset)
	}
	pos := s.size
	s.count(h, now)
	p.next = h.NextOffset()
	if n := len(p.epochs); n == 0 || p.epochs[n-1].epoch < h.LeaderEpoch {
		p.epochs = append(p.epochs, epochStart{h.LeaderEpoch, h.BaseOffset})
	}
	return s, pos
}

// full reports whether a batch needs a new segment.
func (p *partition) full(s *segment, h *record.Header, now int64) bool {
	limit := p.cfg.SegmentBytes
	if limit <= 0 || limit > math.MaxInt32 {
		limit = math.MaxInt32
	}
	return s.size+h.Size() > limit ||
		p.cfg.SegmentMs > 0 && now-s.created >= p.cfg.SegmentMs ||
		h.LastOffset()-s.base > math.MaxInt32
}

// roll begins a new active segment; its file is created when something is written. mu is held.
func (p *partition) roll(base int64) *segment {
	s := &segment{dir: p.dir, base: base, maxTime: -1}
	p.segments = append(p.segments[:len(p.segments):len(p.segments)], s)
	return s
}

// advance moves the high watermark to the end of a batch that is durable, and returns who must be woken. mu is held.
func (p *partition) advance(o *op) map[*watcher]struct{} {
	p.high = o.header.NextOffset()
	p.visible, p.visiblePos = o.seg, o.pos+o.header.Size()
	p.stable = p.producers.LastStable(p.high)
	return p.takeWatchers()
}

// applied counts a batch in the producer table. mu is held.
func (p *partition) applied(b record.Batch, h *record.Header, now int64) error {
	if !h.Attributes.Control() {
		p.producers.Apply(h, now)
		return nil
	}
	m, ok, err := record.ParseMarker(b)
	if err != nil {
		return err
	}
	if ok {
		p.producers.ApplyMarker(&m, h.BaseOffset, now)
	}
	return nil
}

// state is what a checkpoint notes. mu is held.
func (p *partition) state() partitionState {
	s := partitionState{
		logStart:    p.logStart,
		next:        p.next,
		unjournaled: p.cfg.FlushOS,
		cleaned:     p.cleaned,
		epochs:      p.epochs,
		segments:    make([]segmentState, len(p.segments)),
	}
	for i, g := range p.segments {
		s.segments[i] = segmentState{base: g.base, gen: g.gen, size: g.size, created: g.created, maxTime: g.maxTime}
	}
	s.producers = p.producers.AppendSnapshot(nil, p.next)
	return s
}
