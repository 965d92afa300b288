package api

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/typelog/typelog/broker/internal/log"
)

// sessionScripts are lives of a cache of fetch sessions. Lines:
//
//	open who parts...                 a whole request with epoch 0
//	next who id epoch +part -part...  a request in a session: partitions that are added or changed, and forgotten
//	told id part=offset...            the answer that is being made: end of log of each partition (0 if not named), a
//	                                  trailing * for records, ! for an error; what has to be in it
//	end who id                        a request that ends the session
//	pass duration
//	held                              sessions and partitions in the cache
//
// Session ids count from 1. Partitions with a # are named by topic id.
var sessionScripts = map[string]struct {
	slots, room int
	script      string
}{
	"only what changed is told": {10, 100, `
		open ann a b c              -> session 1
		next ann 1 1                -> a b c
		told 1                      -> nothing
		next ann 1 2                -> a b c
		told 1 b=5*                 -> b=5*
		next ann 1 3                -> a c b
		told 1 b=5                  -> nothing
		next ann 1 4                -> a c b
		told 1 b=5 c=1              -> c=1
	`},
	"an error is told until it is over, and its end, too": {10, 100, `
		open ann a b                -> session 1
		next ann 1 1                -> a b
		told 1 a!                   -> a!
		next ann 1 2                -> a b
		told 1 a!                   -> a!
		next ann 1 3                -> a b
		told 1                      -> a=0
		next ann 1 4                -> a b
		told 1                      -> nothing
	`},
	"who had records goes to the end": {10, 100, `
		open ann a b c d            -> session 1
		next ann 1 1                -> a b c d
		told 1 a=1* c=1*            -> a=1* c=1*
		next ann 1 2                -> b d a c
		told 1 a=1 c=1 b=1*         -> b=1*
		next ann 1 3                -> d a c b
	`},
	"partitions come and go": {10, 100, `
		open ann a b                -> session 1
		next ann 1 1 +c -a          -> b c
		next ann 1 2 -zzz           -> b c
		next ann 1 3 +c +a          -> b c a
		held                        -> 1 sessions, 3 partitions
		next ann 1 4 -b -a -c       -> no session
		next ann 1 5                -> FETCH_SESSION_ID_NOT_FOUND
		held                        -> 0 sessions, 0 partitions
	`},
	"epochs": {10, 100, `
		open ann a                  -> session 1
		next ann 1 2                -> INVALID_FETCH_SESSION_EPOCH
		next ann 1 1                -> a
		next ann 1 1                -> INVALID_FETCH_SESSION_EPOCH
		next ann 1 2                -> a
		next ann 7 1                -> FETCH_SESSION_ID_NOT_FOUND
	`},
	"names and ids are not mixed": {10, 100, `
		open ann a#                 -> session 1
		next ann 1 1 +b             -> FETCH_SESSION_TOPIC_ID_ERROR
		open ann a                  -> session 2
		next ann 2 1 +b#            -> FETCH_SESSION_TOPIC_ID_ERROR
		next ann 2 1 +b             -> a b
	`},
	"a session belongs to who opened it": {10, 100, `
		open ann a                  -> session 1
		next bob 1 1                -> FETCH_SESSION_ID_NOT_FOUND
		end bob 1                   -> ok
		next ann 1 1                -> a
		end ann 1                   -> ok
		next ann 1 2                -> FETCH_SESSION_ID_NOT_FOUND
	`},
	"who was idle for two minutes gives way": {2, 100, `
		open ann a b                -> session 1
		open bob a b                -> session 2
		open cat a b                -> session 0
		pass 90s
		next bob 2 1                -> a b
		open cat a                  -> session 0
		pass 31s
		open cat a                  -> session 3
		next ann 1 1                -> FETCH_SESSION_ID_NOT_FOUND
		next bob 2 2                -> a b
	`},
	"a larger one takes the place of a smaller one, but not of a young one": {2, 100, `
		open ann a                  -> session 1
		open bob a b                -> session 2
		pass 119s
		next ann 1 1                -> a
		next bob 2 1                -> a b
		open cat a b c              -> session 0
		pass 2s
		next ann 1 2                -> a
		next bob 2 2                -> a b
		open cat a                  -> session 0
		open cat a b c              -> session 3
		next ann 1 3                -> FETCH_SESSION_ID_NOT_FOUND
		next bob 2 3                -> a b
	`},
	"partitions are bounded over all sessions": {10, 4, `
		open ann a b                -> session 1
		open bob a b c              -> session 0
		open bob a b                -> session 2
		open cat a                  -> session 0
		next ann 1 1 +c             -> FETCH_SESSION_ID_NOT_FOUND
		held                        -> 1 sessions, 2 partitions
		next bob 2 1 +c +d          -> a b c d
		next bob 2 2 +e             -> FETCH_SESSION_ID_NOT_FOUND
		open ann a b c d e          -> session 0
		held                        -> 0 sessions, 0 partitions
	`},
	"no sessions": {0, 100, `
		open ann a                  -> session 0
	`},
	"nothing to remember": {10, 100, `
		open ann                    -> session 0
	`},
}

func TestFetchSessionScripts(t *testing.T) {
	for name, c := range sessionScripts {
		t.Run(name, func(t *testing.T) {
			last := int32(0)
			w := &sessionScript{now: time.Unix(0, 0), cache: newFetchSessions(c.slots, c.room, func() int32 { last++; return last })}
			for i, line := range strings.Split(strings.TrimSpace(c.script), "\n") {
				do, want, _ := strings.Cut(line, "->")
				if got := w.do(strings.Fields(do)); got != strings.TrimSpace(want) {
					t.Fatalf("line %d, %s: %s, want %s", i+1, strings.TrimSpace(do), got, strings.TrimSpace(want))
				}
			}
		})
	}
}

type sessionScript struct {
	now   time.Time
	cache *fetchSessions
}

func scriptKey(text string) fetchKey {
	if name, ok := strings.CutSuffix(text, "#"); ok {
		return fetchKey{id: log.TopicID{name[0]}}
	}
	return fetchKey{name: text}
}

func scriptName(k fetchKey) string {
	if k.name == "" {
		return string(k.id[:1]) + "#"
	}
	return k.name
}

func (w *sessionScript) do(f []string) string {
	num := func(i int) int32 { n, _ := strconv.Atoi(f[i]); return int32(n) }
	switch f[0] {
	case "open":
		var parts []sessionPart
		for _, name := range f[2:] {
			parts = append(parts, sessionPart{key: scriptKey(name)})
		}
		return fmt.Sprint("session ", w.cache.open(w.now, f[1], len(f) > 2 && strings.HasSuffix(f[2], "#"), parts))
	case "next":
		var ch sessionChange
		byID := w.cache.byID[num(2)] != nil && w.cache.byID[num(2)].byID
		for _, name := range f[4:] {
			if k := scriptKey(name[1:]); name[0] == '-' {
				ch.forget = append(ch.forget, k)
			} else {
				ch.parts = append(ch.parts, sessionPart{key: k})
				byID = k.name == ""
			}
		}
		s, err := w.cache.next(w.now, num(2), num(3), f[1], byID, ch)
		if err != nil {
			return err.Message
		}
		if s == nil {
			return "no session"
		}
		var order []string
		for _, p := range s.order {
			order = append(order, scriptName(p.key))
		}
		return strings.Join(order, " ")
	case "told":
		return w.told(w.cache.byID[num(1)], f[2:])
	case "end":
		w.cache.end(num(2), f[1])
		return "ok"
	case "pass":
		d, _ := time.ParseDuration(f[1])
		w.now = w.now.Add(d)
		return ""
	case "held":
		return fmt.Sprintf("%d sessions, %d partitions", len(w.cache.byID), w.cache.partitions)
	}
	return "what is " + f[0] + "?"
}

func (w *sessionScript) told(s *fetchSession, results []string) string {
	said := "nothing"
	for _, p := range s.order {
		text, b := scriptName(p.key)+"=0", log.Bounds{}
		for _, r := range results {
			if name, _, _ := strings.Cut(strings.TrimSuffix(r, "!"), "="); name == scriptName(p.key) {
				text = r
				_, end, _ := strings.Cut(strings.TrimSuffix(r, "*"), "=")
				b.HighWatermark, _ = strconv.ParseInt(end, 10, 64)
			}
		}
		if p.tell(b, strings.HasSuffix(text, "*"), strings.HasSuffix(text, "!")) {
			said = strings.TrimPrefix(said+" "+text, "nothing ")
		}
	}
	s.rotate()
	return said
}

// TestFetchSessionEpochsWrap: after the largest epoch comes 1, because 0 and -1 mean something else.
func TestFetchSessionEpochsWrap(t *testing.T) {
	c := newFetchSessions(1, 1, func() int32 { return 5 })
	c.open(time.Unix(0, 0), "ann", false, []sessionPart{{key: fetchKey{name: "a"}}})
	c.byID[5].epoch = math.MaxInt32
	for _, epoch := range []int32{math.MaxInt32, 1, 2} {
		if _, err := c.next(time.Unix(0, 0), 5, epoch, "ann", false, sessionChange{}); err != nil {
			t.Errorf("epoch %d: %v", epoch, err)
		}
	}
}

// TestFetchSessionIDsAreNotGivenTwice: what is drawn and taken is drawn again.
func TestFetchSessionIDsAreNotGivenTwice(t *testing.T) {
	ids := []int32{3, 3, 3, 4}
	c := newFetchSessions(9, 9, func() int32 { id := ids[0]; ids = ids[1:]; return id })
	for _, want := range []int32{3, 4} {
		if got := c.open(time.Unix(0, 0), "ann", false, []sessionPart{{key: fetchKey{name: "a"}}}); got != want {
			t.Errorf("session %d, want %d", got, want)
		}
	}
}
