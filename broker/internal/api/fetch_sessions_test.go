package api

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log/memlog"
)

// inSession makes a request one of a session: it names nothing but what is added afterwards, and does not wait.
func inSession(version int16, id, epoch int32) *kmsg.FetchRequest {
	req := fetchRequest(version)
	req.SessionID, req.SessionEpoch, req.MaxWaitMillis = id, epoch, 0
	return req
}

// ask sends a Fetch request and returns the answer.
func (p *peer) ask(req *kmsg.FetchRequest) *kmsg.FetchResponse {
	p.t.Helper()
	p.send(req)
	return p.receive(len(p.sent) - 1).(*kmsg.FetchResponse)
}

// openSession opens a session on partition 0 of topics, all of which it is told of.
func (p *peer) openSession(version int16, topics ...*topic) int32 {
	p.t.Helper()
	req := fetchRequest(version, topics...)
	req.SessionEpoch, req.MaxWaitMillis = 0, 0
	got := p.ask(req)
	if got.ErrorCode != 0 || got.SessionID <= 0 || len(got.Topics) != len(topics) {
		p.t.Fatalf("%+v", got)
	}
	return got.SessionID
}

// said is an answer in words: topic/partition, the error, end and bytes of what it tells.
func (s *served) said(r *kmsg.FetchResponse) string {
	if r.ErrorCode != 0 {
		return kerr.TypedErrorForCode(r.ErrorCode).Message
	}
	var words []string
	for _, t := range r.Topics {
		name := t.Topic
		if known := s.Catalog.withID(t.TopicID); r.Version >= 13 {
			if name = "gone"; known != nil {
				name = known.name
			}
		}
		for _, p := range t.Partitions {
			word := fmt.Sprintf("%s/%d ends at %d", name, p.Partition, p.HighWatermark)
			if p.ErrorCode != 0 {
				word = fmt.Sprintf("%s/%d %s", name, p.Partition, kerr.TypedErrorForCode(p.ErrorCode).Message)
			}
			if len(p.RecordBatches) > 0 {
				word += " with records"
			}
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

// TestFetchSession: a session's life on the wire, by names and by ids.
func TestFetchSession(t *testing.T) {
	for _, version := range []int16{7, 11, 12, 13, 18} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			s := serve(t, memlog.Options{}, nil)
			a, b, c := s.topic(t, "a", 1, nil), s.topic(t, "b", 1, nil), s.topic(t, "c", 1, nil)
			p := s.dial(t)
			id := p.openSession(version, a, b)
			epoch := int32(0)
			expect := func(want string, change ...func(r *kmsg.FetchRequest)) {
				t.Helper()
				epoch++
				req := inSession(version, id, epoch)
				for _, f := range change {
					f(req)
				}
				got := p.ask(req)
				if said := s.said(got); said != want || got.SessionID != id {
					t.Errorf("epoch %d in session %d: %q, want %q", epoch, got.SessionID, said, want)
				}
			}
			at := func(to *topic, offset int64) func(r *kmsg.FetchRequest) {
				return func(r *kmsg.FetchRequest) {
					r.Topics = append(r.Topics, fetchRequest(version, to).Topics[0])
					r.Topics[len(r.Topics)-1].Partitions[0].FetchOffset = offset
				}
			}
			forget := func(of *topic) func(r *kmsg.FetchRequest) {
				return func(r *kmsg.FetchRequest) {
					f := kmsg.NewFetchRequestForgottenTopic()
					f.Topic, f.TopicID, f.Partitions = of.name, of.id, []int32{0}
					r.ForgottenTopics = append(r.ForgottenTopics, f)
				}
			}
			expect("")
			s.put(t, b, "1")
			expect("b/0 ends at 1 with records")
			expect("b/0 ends at 1 with records") // it was not said yet that they have arrived
			expect("", at(b, 1))
			expect("c/0 ends at 0", at(c, 0), forget(a))
			s.put(t, a, "1")
			expect("") // nobody wants a any more
			s.put(t, c, "1")
			expect("c/0 ends at 1 with records")
			expect("", at(c, 1))
			if err := s.Catalog.remove(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if version < 13 {
				expect("c/0 UNKNOWN_TOPIC_OR_PARTITION")
				expect("c/0 UNKNOWN_TOPIC_OR_PARTITION")
				s.topic(t, "c", 1, nil)
				expect("c/0 OFFSET_OUT_OF_RANGE") // another topic of that name, which ends at 0
				expect("c/0 ends at 0", at(c, 0))
			} else {
				expect("gone/0 UNKNOWN_TOPIC_ID")
				again := s.topic(t, "c", 1, nil)
				expect("gone/0 UNKNOWN_TOPIC_ID")
				expect("c/0 ends at 0", at(again, 0), forget(c))
				c = again
			}
			expect("")
			expect("b/0 OFFSET_OUT_OF_RANGE", at(b, 7))
			expect("b/0 ends at 1", at(b, 1))

			// The session ends when nothing is left in it, and a whole request ends it, too.
			epoch++
			last := inSession(version, id, epoch)
			forget(b)(last)
			forget(c)(last)
			if got := p.ask(last); got.SessionID != 0 || got.ErrorCode != 0 {
				t.Errorf("forgotten all: %+v", got)
			}
			id = p.openSession(version, a)
			whole := fetchRequest(version, a)
			whole.SessionID, whole.SessionEpoch = id, -1
			if got := p.ask(whole); got.SessionID != 0 || s.said(got) != "a/0 ends at 1 with records" {
				t.Errorf("ended: %+v", got)
			}
			if got := p.ask(inSession(version, id, 1)); got.ErrorCode != kerr.FetchSessionIDNotFound.Code || got.SessionID != 0 {
				t.Errorf("after its end: %+v", got)
			}
			id = p.openSession(version, a)
			whole.SessionID, whole.SessionEpoch = id, 0
			if got := p.ask(whole); got.SessionID == 0 || got.SessionID == id {
				t.Errorf("begun anew: %+v", got)
			}
			if n := len(s.sessions.cache.byID); n != 1 {
				t.Errorf("%d sessions are left, want 1", n)
			}
		})
	}
}

func TestFetchSessionErrors(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	a := s.topic(t, "a", 1, nil)
	p := s.dial(t)
	names, ids := p.openSession(12, a), p.openSession(13, a)
	for name, c := range map[string]struct {
		req  *kmsg.FetchRequest
		want *kerr.Error
	}{
		"unknown session":    {inSession(12, names^ids^1, 1), kerr.FetchSessionIDNotFound},
		"no session":         {inSession(12, 0, 3), kerr.FetchSessionIDNotFound},
		"another epoch":      {inSession(12, names, 2), kerr.InvalidFetchSessionEpoch},
		"a name for an id":   {inSession(12, ids, 1), kerr.FetchSessionTopicIDError},
		"an id for a name":   {inSession(13, names, 1), kerr.FetchSessionTopicIDError},
		"epoch out of count": {inSession(12, names, -7), kerr.InvalidFetchSessionEpoch},
	} {
		if got := p.ask(c.req); got.ErrorCode != c.want.Code || got.SessionID != 0 || len(got.Topics) != 0 {
			t.Errorf("%s: %+v, want %v", name, got, c.want)
		}
	}
	if got := p.ask(inSession(12, names, 1)); got.ErrorCode != 0 {
		t.Errorf("errors have harmed the session: %+v", got)
	}
	long := inSession(12, names, 2)
	long.Topics = fetchRequest(12, &topic{name: strings.Repeat("x", 300)}).Topics
	if got := p.ask(long); got.ErrorCode != kerr.FetchSessionIDNotFound.Code {
		t.Errorf("a name that no topic can have: %+v", got)
	}
	long.SessionID, long.SessionEpoch = 0, 0
	if got := p.ask(long); got.ErrorCode != 0 || got.SessionID != 0 {
		t.Errorf("a session for a name that no topic can have: %+v", got)
	}
}

// TestFetchSessionIsFair: with room for one batch in an answer, three partitions that always have records take turns.
func TestFetchSessionIsFair(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	topics := []*topic{s.topic(t, "a", 1, nil), s.topic(t, "b", 1, nil), s.topic(t, "c", 1, nil)}
	for _, to := range topics {
		for range 3 {
			s.put(t, to, strings.Repeat("x", 1000))
		}
	}
	p := s.dial(t)
	whole := fetchRequest(12, topics...)
	whole.SessionEpoch, whole.MaxBytes = 0, 100
	id := p.ask(whole).SessionID
	var turns []string
	for epoch := range int32(6) {
		req := inSession(12, id, epoch+1)
		req.MaxBytes = 100
		for _, t := range p.ask(req).Topics {
			if len(t.Partitions[0].RecordBatches) > 0 {
				turns = append(turns, t.Topic)
			}
		}
	}
	if got := strings.Join(turns, ""); got != "abcabc" {
		t.Errorf("records came in the order %s", got)
	}
}

// TestFetchSessionInUse: while a request waits, another one of its session takes over. The first is told so at once, and does
// not hold the second up.
func TestFetchSessionInUse(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	a := s.topic(t, "a", 1, nil)
	p := s.dial(t)
	id := p.openSession(12, a)
	long := inSession(12, id, 1)
	long.MaxWaitMillis = 60_000
	p.send(long)
	p.send(inSession(12, id, 2))
	if got := p.receive(1).(*kmsg.FetchResponse); got.ErrorCode != kerr.InvalidFetchSessionEpoch.Code || got.SessionID != id {
		t.Errorf("the first: %+v", got)
	}
	if got := p.receive(2).(*kmsg.FetchResponse); got.ErrorCode != 0 || got.SessionID != id {
		t.Errorf("the second: %+v", got)
	}
}

// TestFetchSessionEndsInUse: while a request waits, another one takes everything out of its session, or puts in more than there
// is room for. The session is over, and the one that waits is told so at once.
func TestFetchSessionEndsInUse(t *testing.T) {
	for name, end := range map[string]func(req *kmsg.FetchRequest, a, b *topic) int16{
		"emptied": func(req *kmsg.FetchRequest, a, _ *topic) int16 {
			req.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: a.name, Partitions: []int32{0}}}
			return 0
		},
		"outgrown": func(req *kmsg.FetchRequest, _, b *topic) int16 {
			req.Topics = fetchRequest(12, b).Topics
			return kerr.FetchSessionIDNotFound.Code
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, memlog.Options{}, func(o *Options) { o.Settings.FetchSessionPartitions = 1 })
			a, b := s.topic(t, "a", 1, nil), s.topic(t, "b", 1, nil)
			p := s.dial(t)
			id := p.openSession(12, a)
			long, last := inSession(12, id, 1), inSession(12, id, 2)
			long.MaxWaitMillis = 60_000
			want := end(last, a, b)
			p.send(long)
			p.send(last)
			if got := p.receive(1).(*kmsg.FetchResponse); got.ErrorCode != kerr.InvalidFetchSessionEpoch.Code {
				t.Errorf("the one that waits: %+v", got)
			}
			if got := p.receive(2).(*kmsg.FetchResponse); got.ErrorCode != want || got.SessionID != 0 {
				t.Errorf("the one that ends it: %+v", got)
			}
		})
	}
}

// TestFetchSessionAsksForRights: each request of a session needs the rights for all that is in it, named or not.
func TestFetchSessionAsksForRights(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	a, b := s.topic(t, "a", 1, nil), s.topic(t, "b", 1, nil)
	p := s.dial(t)
	id := p.openSession(12, a, b)
	s.put(t, a, "secret")
	s.Authorizer = denyTopic("a")
	if got := s.said(p.ask(inSession(12, id, 1))); got != "a/0 TOPIC_AUTHORIZATION_FAILED" {
		t.Errorf("%s", got)
	}
	s.Authorizer = denyAll{}
	if got := s.said(p.ask(inSession(12, id, 2))); got != "a/0 TOPIC_AUTHORIZATION_FAILED, b/0 TOPIC_AUTHORIZATION_FAILED" {
		t.Errorf("%s", got)
	}
	s.Authorizer = nil
	if got := s.said(p.ask(inSession(12, id, 3))); got != "a/0 ends at 1 with records, b/0 ends at 0" {
		t.Errorf("%s", got)
	}
}

// TestFetchSessionOfKgo: franz-go goes on in one session, and adds and forgets partitions in it.
func TestFetchSessionOfKgo(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	s.topic(t, "a", 3, nil)
	s.topic(t, "b", 1, nil)
	cl := s.client(t, kgo.ConsumeTopics("a"), kgo.DisableIdempotentWrite(), kgo.FetchMaxWait(10*time.Millisecond))
	for i := range 20 {
		if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "a", Value: []byte{byte(i)}}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		for got := 0; got == 0; {
			fetches := cl.PollFetches(t.Context())
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			got = fetches.NumRecords()
		}
	}
	id, epoch, parts := s.onlySession(t)
	if epoch < 20 || parts != 3 {
		t.Errorf("epoch %d of a session of %d partitions", epoch, parts)
	}
	cl.AddConsumeTopics("b")
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: "b", Value: []byte("b")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if f := cl.PollFetches(t.Context()); f.Err() != nil || f.NumRecords() != 1 {
		t.Fatal(f.Err())
	}
	if again, _, parts := s.onlySession(t); again != id || parts != 4 {
		t.Errorf("session %d of %d partitions, it was session %d", again, parts, id)
	}
}

// onlySession returns what the only session is.
func (s *served) onlySession(t *testing.T) (id, epoch int32, parts int) {
	t.Helper()
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	if len(s.sessions.cache.byID) != 1 {
		t.Fatalf("%d sessions", len(s.sessions.cache.byID))
	}
	for _, f := range s.sessions.cache.byID {
		id, epoch, parts = f.id, f.epoch, len(f.order)
	}
	return id, epoch, parts
}

// TestLongPollsAreCheap: a Fetch of 1,000 partitions that waits has no more goroutines than one of a single partition.
func TestLongPollsAreCheap(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	wide := s.topic(t, "wide", 1000, nil)
	count := func(partitions int) int {
		p := s.dial(t)
		p.openSession(12, s.topic(t, fmt.Sprint("beside-", partitions), 1, nil))
		before := runtime.NumGoroutine()
		req := fetchRequest(12, wide)
		for i := 1; i < partitions; i++ {
			part := req.Topics[0].Partitions[0]
			part.Partition = int32(i)
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, part)
		}
		watched := s.engine.Watched()
		p.send(req)
		for s.engine.Watched() == watched {
			runtime.Gosched()
		}
		return runtime.NumGoroutine() - before
	}
	if one, many := count(1), count(1000); many > one {
		t.Errorf("a long poll of 1,000 partitions has %d goroutines, one of a single partition %d", many, one)
	}
}
