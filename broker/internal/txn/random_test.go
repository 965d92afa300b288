package txn

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/record"
)

// TestRandom runs producers that write, end, abandon and take over their transactions in any order, over a coordinator
// that is restarted and whose markers get stuck. In the end every transaction is visible as a whole, or not at all, and
// as its producer was told.
func TestRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range uint64(20) {
		inLab(t, func(l *lab) {
			l.config.EndWait, l.config.JoinWait = 20*time.Millisecond, 20*time.Millisecond
			c := &chaos{lab: l, rand: rand.New(rand.NewPCG(seed, i)), told: map[string]verdict{}}
			c.restart()
			for n := range 3 {
				c.producers = append(c.producers, &testProducer{id: fmt.Sprintf("x%d", n), version: []int16{0, 2}[c.rand.IntN(2)]})
			}
			for range 150 {
				c.round()
			}
			c.check()
		})
		if t.Failed() {
			t.Fatalf("run %d", i)
		}
	}
}

// verdict is what a producer knows of its transaction.
type verdict struct {
	written           int // records that were acknowledged
	committed, denied bool
}

type chaos struct {
	*lab
	rand      *rand.Rand
	producers []*testProducer
	told      map[string]verdict // by transaction
}

// testProducer is a client with a transactional id.
type testProducer struct {
	id       string
	version  int16
	who      Identity
	txn      string // empty if none is open
	n        int
	sequence map[int32]int32
	joined   map[int32]bool
}

func (c *chaos) round() {
	p := c.producers[c.rand.IntN(len(c.producers))]
	switch r := c.rand.IntN(20); {
	case r == 0:
		c.restart()
	case r == 1:
		c.hinder(nil, make(chan struct{}))
	case r <= 3:
		c.hinder(nil, nil)
		c.restart() // whoever is stuck is let go
	case r == 4:
		c.hinder(errors.New("no"), nil)
	case r == 5:
		time.Sleep(time.Duration(c.rand.IntN(40)) * time.Second)
	case r == 6:
		p.who.ProducerID = 0 // the process dies, and is started again
	case r <= 9:
		c.end(p)
	default:
		c.writeOne(p)
	}
}

// begin gets an identity if there is none, and reports whether there is.
func (c *chaos) begin(p *testProducer) bool {
	if p.who.ProducerID != 0 {
		return true
	}
	c.lose(p)
	who, err := c.Init(c.t.Context(), p.id, nobody, 60_000)
	if err != nil {
		return false
	}
	p.who, p.sequence = who, map[int32]int32{}
	return true
}

// lose notes that the producer will not commit its transaction any more.
func (c *chaos) lose(p *testProducer) {
	if v := c.told[p.txn]; p.txn != "" && !v.committed {
		v.denied = true
		c.told[p.txn] = v
	}
	p.txn = ""
}

func (c *chaos) writeOne(p *testProducer) {
	if !c.begin(p) {
		return
	}
	if p.txn == "" {
		p.n++
		p.txn, p.joined = fmt.Sprintf("%s/%d", p.id, p.n), map[int32]bool{}
		c.told[p.txn] = verdict{}
	}
	part := c.rand.Int32N(writtenParts)
	if p.version < 2 && !p.joined[part] {
		if err := c.Add(c.t.Context(), p.id, Add{p.who, partOf(part), 0}); err != nil {
			p.who.ProducerID = 0
			return
		}
		p.joined[part] = true
	}
	v := c.told[p.txn]
	release, err := c.Enter(c.t.Context(), p.id, Add{p.who, partOf(part), p.version})
	if err == nil {
		err = c.append(p.who, part, p.sequence[part], fmt.Sprintf("%s:%d", p.txn, v.written))
		release()
	}
	if err != nil {
		p.who.ProducerID = 0
		return
	}
	p.sequence[part]++
	v.written++
	c.told[p.txn] = v
}

func (c *chaos) end(p *testProducer) {
	v := c.told[p.txn]
	if p.txn == "" || p.who.ProducerID == 0 || v.written == 0 {
		return
	}
	commit := c.rand.IntN(3) > 0
	next, err := c.End(c.t.Context(), p.id, End{Identity: p.who, Commit: commit, Version: p.version})
	switch {
	case err != nil && !commit, err == nil && !commit, errors.Is(err, ErrFenced):
		c.lose(p)
	case err == nil:
		v.committed = true
		c.told[p.txn] = v
	}
	p.txn = ""
	switch {
	case err != nil:
		p.who.ProducerID = 0
	case p.version >= epochBump:
		p.who, p.sequence = next, map[int32]int32{}
	}
}

func (c *chaos) check() {
	c.hinder(nil, nil)
	c.restart()
	for _, p := range c.producers {
		c.init(p.id) // whatever is open is aborted
		c.lose(p)
	}
	seen := map[string]int{}
	for i := range int32(writtenParts) {
		if n := c.open(i); n != 0 {
			c.t.Errorf("%d offsets of partition %d are not stable", n, i)
		}
		for _, value := range c.visible(i) {
			txn, _, _ := bytes.Cut(value, []byte(":"))
			seen[string(txn)]++
		}
	}
	for txn, v := range c.told {
		n := seen[txn]
		switch {
		case v.committed && n != v.written, v.denied && n != 0, n != 0 && n != v.written:
			c.t.Errorf("%s: %d of %d records are visible; committed %v, denied %v", txn, n, v.written, v.committed, v.denied)
		}
	}
}

// visible are the values that a read_committed reader gets from a partition.
func (c *chaos) visible(i int32) [][]byte {
	c.t.Helper()
	p := log.Partition{Topic: writtenID, Index: i}
	r := c.engine.Read([]log.ReadRequest{{Partition: p, MaxBytes: 1 << 30}}, log.ReadLimits{MaxBytes: 1 << 30, Isolation: log.ReadCommitted})[0]
	c.must(r.Err)
	var buf bytes.Buffer
	for _, chunk := range r.Chunks {
		chunk.WriteTo(&buf)
		chunk.Release()
	}
	slices.SortFunc(r.Aborted, func(a, b log.AbortedTxn) int { return int(a.FirstOffset - b.FirstOffset) })
	aborting := map[int64]bool{}
	var values [][]byte
	for b := buf.Bytes(); len(b) > 0; {
		h, err := record.ParseHeader(b)
		c.must(err)
		batch := record.Batch(b[:h.Size()])
		b = b[h.Size():]
		for len(r.Aborted) > 0 && r.Aborted[0].FirstOffset <= h.BaseOffset {
			aborting[r.Aborted[0].ProducerID] = true
			r.Aborted = r.Aborted[1:]
		}
		if h.Attributes.Control() {
			delete(aborting, h.ProducerID)
			continue
		}
		if aborting[h.ProducerID] {
			continue
		}
		records, err := record.NewCodecs(0).Open(batch)
		c.must(err)
		c.must(records.Walk(func(rec *record.Record) bool {
			values = append(values, bytes.Clone(rec.Value))
			return true
		}))
		records.Close()
	}
	return values
}
