package api

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log"
)

// fetchCall is a Fetch request while it waits: nothing of the decoded request is kept.
type fetchCall struct {
	s        *Server
	version  int16
	topics   []fetchTopic
	parts    []fetchPart
	minBytes int64
	deadline time.Time
	limits   log.ReadLimits
}

type fetchTopic struct {
	name        string
	id          log.TopicID
	first, last int // its partitions are parts[first:last]
}

type fetchPart struct {
	index int32
	err   error
	read  log.ReadRequest // if err is nil
}

// fetch answers Fetch. It makes no fetch sessions (KIP-227): a client that asks for one is answered with session id 0, which
// tells it to go on sending whole requests.
func fetch(s *Server, ctx context.Context, c caller, req *kmsg.FetchRequest) finish {
	if req.SessionID != 0 {
		return now(fetchFailed(req, kerr.FetchSessionIDNotFound))
	}
	if req.SessionEpoch > 0 {
		return now(fetchFailed(req, kerr.InvalidFetchSessionEpoch))
	}
	f := s.fetchCall(c, req)
	return func() answer { return f.wait(ctx) }
}

func fetchFailed(req *kmsg.FetchRequest, err *kerr.Error) *kmsg.FetchResponse {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	resp.ErrorCode = err.Code
	return resp
}

// maxFetchWait bounds how long a client may make an answer wait.
const maxFetchWait = 5 * time.Minute

// fetchCall takes over what is needed of a request.
func (s *Server) fetchCall(c caller, req *kmsg.FetchRequest) *fetchCall {
	wait := min(max(time.Duration(req.MaxWaitMillis)*time.Millisecond, 0), maxFetchWait)
	most := min(max(int(req.MaxBytes), 0), s.Settings.FetchMaxBytes)
	f := &fetchCall{
		s: s, version: req.Version, minBytes: int64(min(int(req.MinBytes), most)), deadline: s.now().Add(wait),
		limits: log.ReadLimits{MaxBytes: most},
	}
	if req.IsolationLevel == 1 {
		f.limits.Isolation = log.ReadCommitted
	}
	n := 0
	for i := range req.Topics {
		n += len(req.Topics[i].Partitions)
	}
	f.parts = make([]fetchPart, 0, n)
	f.topics = make([]fetchTopic, 0, len(req.Topics))
	for i := range req.Topics {
		rt := &req.Topics[i]
		ft := fetchTopic{name: rt.Topic, id: rt.TopicID, first: len(f.parts)}
		var t *topic
		var err error
		if req.Version >= 13 {
			if t = s.Catalog.withID(rt.TopicID); t == nil {
				err = kerr.UnknownTopicID
			}
		} else if t = s.Catalog.named(rt.Topic); t == nil {
			err = kerr.UnknownTopicOrPartition
		}
		if t != nil && !c.may(Read, Topic, t.name) {
			t, err = nil, kerr.TopicAuthorizationFailed
		}
		for j := range rt.Partitions {
			f.parts = append(f.parts, s.fetchPart(t, err, &rt.Partitions[j]))
		}
		ft.last = len(f.parts)
		f.topics = append(f.topics, ft)
	}
	return f
}

func (s *Server) fetchPart(t *topic, err error, rp *kmsg.FetchRequestTopicPartition) fetchPart {
	p := fetchPart{index: rp.Partition, err: err}
	if err != nil {
		return p
	}
	if !t.has(rp.Partition) {
		p.err = kerr.UnknownTopicOrPartition
		return p
	}
	p.read = log.ReadRequest{Partition: t.partition(rp.Partition), Offset: rp.FetchOffset,
		MaxBytes: max(int(rp.PartitionMaxBytes), 0)}
	p.err = s.checkEpoch(p.read.Partition, rp.CurrentLeaderEpoch)
	return p
}

// checkEpoch holds the leader epoch that a client believes in against the true one (KIP-320); -1 is no belief.
func (s *Server) checkEpoch(p log.Partition, believed int32) error {
	if believed < 0 {
		return nil
	}
	epoch, err := s.Engine.LeaderEpoch(p)
	switch {
	case err != nil:
		return err
	case believed < epoch:
		return kerr.FencedLeaderEpoch
	case believed > epoch:
		return kerr.UnknownLeaderEpoch
	}
	return nil
}

// wait reads until there is enough, the client's patience ends, or something is wrong that it should know at once.
func (f *fetchCall) wait(ctx context.Context) answer {
	reqs := make([]log.ReadRequest, 0, len(f.parts))
	watched := make([]log.Partition, 0, len(f.parts))
	broken := false
	for i := range f.parts {
		if f.parts[i].err != nil {
			broken = true
			continue
		}
		reqs = append(reqs, f.parts[i].read)
		watched = append(watched, f.parts[i].read.Partition)
	}
	results := f.s.Engine.Read(reqs, f.limits)
	if broken || f.enough(reqs, results) {
		return f.answer(results)
	}
	left := f.deadline.Sub(f.s.now())
	if left <= 0 {
		return f.answer(results)
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	woken := make(chan struct{}, 1)
	wake := func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
	for {
		release(results)
		stop := f.s.Engine.Watch(watched, wake)
		// Read again: what came between the last read and the watch wakes nobody.
		if results = f.s.Engine.Read(reqs, f.limits); f.enough(reqs, results) {
			stop()
			return f.answer(results)
		}
		var over bool
		select {
		case <-woken:
		case <-timer.C:
			over = true
		case <-ctx.Done():
			over = true
		}
		stop()
		if over {
			release(results)
			return f.answer(f.s.Engine.Read(reqs, f.limits))
		}
	}
}

// enough reports whether results are worth an answer now: something is wrong, min_bytes are there, or they would be if the
// limits did not cut off in the middle of a batch (Apache Kafka sends a part of the batch then).
func (f *fetchCall) enough(reqs []log.ReadRequest, results []log.ReadResult) bool {
	size, failed := sizeOf(results)
	if failed || size >= f.minBytes {
		return true
	}
	if size == 0 {
		return false
	}
	wide := make([]log.ReadRequest, len(reqs))
	for i, r := range reqs {
		r.MaxBytes += int(f.minBytes)
		wide[i] = r
	}
	more := f.s.Engine.Read(wide, log.ReadLimits{MaxBytes: f.limits.MaxBytes + int(f.minBytes), Isolation: f.limits.Isolation})
	size, failed = sizeOf(more)
	release(more)
	return failed || size >= f.minBytes
}

// sizeOf is how many bytes of records there are, and whether a partition has an error instead.
func sizeOf(results []log.ReadResult) (size int64, failed bool) {
	for i := range results {
		failed = failed || results[i].Err != nil
		size += results[i].Size()
	}
	return size, failed
}

func release(results []log.ReadResult) {
	for i := range results {
		for _, c := range results[i].Chunks {
			c.Release()
		}
		results[i].Chunks = nil
	}
}

// answer encodes the results; the chunks go with it.
func (f *fetchCall) answer(results []log.ReadResult) answer {
	resp := kmsg.FetchResponse{Version: f.version}
	resp.Topics = make([]kmsg.FetchResponseTopic, len(f.topics))
	parts := make([]kmsg.FetchResponseTopicPartition, len(f.parts))
	chunks := make([][]log.Chunk, len(f.parts))
	next := 0
	for i := range f.parts {
		var r *log.ReadResult
		if f.parts[i].err == nil {
			r = &results[next]
			next++
		}
		chunks[i] = f.encode(&parts[i], &f.parts[i], r)
	}
	for i, t := range f.topics {
		rt := &resp.Topics[i]
		rt.Topic, rt.TopicID, rt.Partitions = t.name, t.id, parts[t.first:t.last]
	}
	spliced, err := spliceFetch(&resp, chunks)
	if err != nil {
		release(results)
		return answer{close: err}
	}
	return answer{parts: spliced}
}

// noRecords is what a partition without records answers with; null would be refused by librdkafka.
var noRecords = []byte{}

// encode fills in the answer for one partition and returns its chunks.
func (f *fetchCall) encode(out *kmsg.FetchResponseTopicPartition, p *fetchPart, r *log.ReadResult) []log.Chunk {
	out.Default()
	out.Partition, out.RecordBatches, out.PreferredReadReplica = p.index, noRecords, -1
	err := p.err
	if err == nil {
		err = r.Err
	}
	if err != nil {
		out.ErrorCode, out.HighWatermark, out.LastStableOffset, out.LogStartOffset = code(err), -1, -1, -1
		if errors.Is(err, log.ErrCorrupt) || errors.Is(err, log.ErrStorage) || out.ErrorCode == kerr.UnknownServerError.Code {
			if held, ok := f.s.failures.Allow(time.Now()); ok {
				f.s.Logger.Error("could not read", "partition", p.read.Partition, "offset", p.read.Offset, "error", err,
					"not_logged_before", held)
			}
		}
		if r != nil {
			for _, c := range r.Chunks {
				c.Release()
			}
		}
		return nil
	}
	out.HighWatermark, out.LastStableOffset, out.LogStartOffset =
		r.Bounds.HighWatermark, r.Bounds.LastStable, r.Bounds.LogStart
	if f.limits.Isolation == log.ReadCommitted {
		out.AbortedTransactions = make([]kmsg.FetchResponseTopicPartitionAbortedTransaction, len(r.Aborted))
		for i, a := range r.Aborted {
			out.AbortedTransactions[i].ProducerID, out.AbortedTransactions[i].FirstOffset = a.ProducerID, a.FirstOffset
		}
	}
	return r.Chunks
}

func fetchNeeds(s *Server, req *kmsg.FetchRequest) []need {
	var needs []need
	for i := range req.Topics {
		if name := req.Topics[i].Topic; req.Version < 13 {
			needs = append(needs, need{Read, Topic, name})
		} else if t := s.Catalog.withID(req.Topics[i].TopicID); t != nil {
			needs = append(needs, need{Read, Topic, t.name})
		}
	}
	return needs
}

func refuseFetch(req *kmsg.FetchRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	for i := range req.Topics {
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.TopicID = req.Topics[i].Topic, req.Topics[i].TopicID
		for j := range req.Topics[i].Partitions {
			p := kmsg.NewFetchResponseTopicPartition()
			p.Partition, p.ErrorCode, p.RecordBatches = req.Topics[i].Partitions[j].Partition,
				kerr.TopicAuthorizationFailed.Code, noRecords
			p.HighWatermark, p.LastStableOffset, p.LogStartOffset, p.PreferredReadReplica = -1, -1, -1, -1
			t.Partitions = append(t.Partitions, p)
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
