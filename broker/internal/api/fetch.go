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
	parts    []fetchPart
	minBytes int64
	deadline time.Time
	limits   log.ReadLimits
	// open: a session is to be made of it. session is the one that it belongs to, and then parts are in its order; epoch is the
	// session's that the answer must still find, and over is closed when another request has taken the session over.
	open      bool
	principal string
	session   *fetchSession
	epoch     int32
	over      <-chan struct{}
}

type fetchPart struct {
	key  fetchKey
	want fetchWant
	err  error
	at   log.Partition // if err is nil
}

// fetch answers Fetch, in a session or without one. What a session is asked for is noted in the order of requests.
func fetch(s *Server, ctx context.Context, c caller, req *kmsg.FetchRequest) finish {
	f := s.fetchCall(c, req)
	var parts []sessionPart
	for i := range req.Topics {
		rt := &req.Topics[i]
		for j := range rt.Partitions {
			rp := &rt.Partitions[j]
			parts = append(parts, sessionPart{key: fetchKey{rt.Topic, rt.TopicID, rp.Partition},
				want: fetchWant{rp.FetchOffset, rp.PartitionMaxBytes, rp.CurrentLeaderEpoch}})
		}
	}
	if err := f.begin(req, parts); err != nil {
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		resp.ErrorCode = err.Code
		return now(resp)
	}
	f.resolve(func(t string) bool {
		if req.SessionID == 0 {
			return c.may(Read, Topic, t)
		}
		return s.may(ctx, c, Read, Topic, t) // the session has topics that the request does not name
	})
	return func() answer { return f.wait(ctx) }
}

// maxFetchWait bounds how long a client may make an answer wait.
const maxFetchWait = 5 * time.Minute

// fetchCall takes over what is needed of a request, but for its partitions.
func (s *Server) fetchCall(c caller, req *kmsg.FetchRequest) *fetchCall {
	wait := min(max(time.Duration(req.MaxWaitMillis)*time.Millisecond, 0), maxFetchWait)
	most := min(max(int(req.MaxBytes), 0), s.Settings.FetchMaxBytes)
	f := &fetchCall{
		s: s, version: req.Version, minBytes: int64(min(int(req.MinBytes), most)), deadline: s.now().Add(wait),
		limits: log.ReadLimits{MaxBytes: most}, principal: c.Principal,
	}
	if req.IsolationLevel == 1 {
		f.limits.Isolation = log.ReadCommitted
	}
	return f
}

// begin finds out which partitions a request is about: those that it names, or, in a session, all of the session's.
func (f *fetchCall) begin(req *kmsg.FetchRequest, named []sessionPart) *kerr.Error {
	sessions := f.s.sessions
	switch {
	case req.Version < 7 || req.SessionEpoch == finalEpoch || req.SessionEpoch == firstEpoch:
		f.open = req.Version >= 7 && req.SessionEpoch == firstEpoch
		if req.SessionID != 0 {
			sessions.end(req.SessionID, f.principal)
		}
	default:
		if err := sessions.next(f, req, named); err != nil || f.session != nil {
			return err
		}
	}
	f.parts = make([]fetchPart, len(named))
	for i := range named {
		f.parts[i] = fetchPart{key: named[i].key, want: named[i].want}
	}
	return nil
}

// resolve finds the partitions, as they are now: a topic of a session may have been deleted or made since.
func (f *fetchCall) resolve(may func(topic string) bool) {
	var t *topic
	var err error
	for i := range f.parts {
		p := &f.parts[i]
		if i == 0 || p.key.name != f.parts[i-1].key.name || p.key.id != f.parts[i-1].key.id {
			t, err = f.topic(&p.key, may)
		}
		switch {
		case err != nil:
			p.err = err
		case !t.has(p.key.index):
			p.err = kerr.UnknownTopicOrPartition
		default:
			p.at = t.partition(p.key.index)
			p.err = f.s.checkEpoch(p.at, p.want.epoch)
		}
	}
}

func (f *fetchCall) topic(k *fetchKey, may func(string) bool) (*topic, error) {
	if f.version >= 13 {
		t := f.s.Catalog.withID(k.id)
		if t == nil {
			return nil, kerr.UnknownTopicID
		}
		if !may(t.name) {
			return nil, kerr.TopicAuthorizationFailed
		}
		return t, nil
	}
	if !may(k.name) {
		return nil, kerr.TopicAuthorizationFailed
	}
	t := f.s.Catalog.named(k.name)
	if t == nil {
		return nil, kerr.UnknownTopicOrPartition
	}
	return t, nil
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

// answer encodes the results; the chunks go with it. In a session it leaves out what has not changed for the client.
func (f *fetchCall) answer(results []log.ReadResult) answer {
	resp := kmsg.FetchResponse{Version: f.version}
	byPart := f.byPart(results)
	id, changed, err := f.s.sessions.answer(f, byPart)
	resp.SessionID = id
	if err != nil {
		release(results)
		resp.ErrorCode = err.Code
		return answer{resp: &resp}
	}
	n := len(f.parts)
	if changed != nil {
		n = 0
		for _, is := range changed {
			if is {
				n++
			}
		}
	}
	parts := make([]kmsg.FetchResponseTopicPartition, 0, n)
	chunks := make([][]log.Chunk, 0, n)
	var last fetchKey
	for i := range f.parts {
		if changed != nil && !changed[i] {
			continue
		}
		k := &f.parts[i].key
		parts = parts[:len(parts)+1]
		chunks = append(chunks, f.encode(&parts[len(parts)-1], &f.parts[i], byPart[i]))
		if t := len(resp.Topics); t == 0 || k.name != last.name || k.id != last.id {
			resp.Topics = append(resp.Topics, kmsg.FetchResponseTopic{Topic: k.name, TopicID: k.id, Partitions: parts[len(parts)-1:]})
		} else {
			rt := &resp.Topics[t-1]
			rt.Partitions = rt.Partitions[:len(rt.Partitions)+1]
		}
		last = *k
	}
	spliced, errSpliced := spliceFetch(&resp, chunks)
	if errSpliced != nil {
		release(results)
		return answer{close: errSpliced}
	}
	return answer{parts: spliced}
}

// byPart are the results by their place in parts; nil for those that were not read.
func (f *fetchCall) byPart(results []log.ReadResult) []*log.ReadResult {
	by := make([]*log.ReadResult, len(f.parts))
	next := 0
	for i := range f.parts {
		if f.parts[i].err == nil {
			by[i] = &results[next]
			next++
		}
	}
	return by
}

// noRecords is what a partition without records answers with; null would be refused by librdkafka.
var noRecords = []byte{}

// encode fills in the answer for one partition and returns its chunks.
func (f *fetchCall) encode(out *kmsg.FetchResponseTopicPartition, p *fetchPart, r *log.ReadResult) []log.Chunk {
	out.Default()
	out.Partition, out.RecordBatches, out.PreferredReadReplica = p.key.index, noRecords, -1
	err := p.err
	if err == nil {
		err = r.Err
	}
	if err != nil {
		out.ErrorCode, out.HighWatermark, out.LastStableOffset, out.LogStartOffset = code(err), -1, -1, -1
		if errors.Is(err, log.ErrCorrupt) || errors.Is(err, log.ErrStorage) || out.ErrorCode == kerr.UnknownServerError.Code {
			if held, ok := f.s.failures.Allow(time.Now()); ok {
				f.s.Logger.Error("could not read", "partition", p.at, "offset", p.want.offset, "error", err,
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
	if req.SessionID != 0 {
		return nil // the handler asks for each topic of the session
	}
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
