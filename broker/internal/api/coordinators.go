package api

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/txn"
)

// Coordinators are the rooms behind the handlers of consumer groups and of transactions.
type Coordinators struct {
	Groups       *group.Coordinator
	Transactions *txn.Coordinator
	Markers      *Markers
}

// awaits is the finish of a handler whose answer comes by a channel. If the connection ends first there is nobody to
// answer.
func awaits[T any](ctx context.Context, reply <-chan T, f func(T) kmsg.Response) finish {
	return func() answer {
		select {
		case got := <-reply:
			return answer{resp: f(got)}
		case <-ctx.Done():
			return answer{none: true}
		}
	}
}

// awaitsAll is awaits for a request that asks several groups.
func awaitsAll[T any](ctx context.Context, replies []chan T, f func([]T) kmsg.Response) finish {
	return func() answer {
		got := make([]T, len(replies))
		for i, reply := range replies {
			select {
			case got[i] = <-reply:
			case <-ctx.Done():
				return answer{none: true}
			}
		}
		return answer{resp: f(got)}
	}
}

// replied is a channel with an answer that is known already.
func replied[T any](v T) chan T {
	reply := make(chan T, 1)
	reply <- v
	return reply
}

// onGroup needs op on one group.
func onGroup(op Operation, name string) []need { return []need{{op, Group, name}} }

func millis(n int32) time.Duration { return time.Duration(n) * time.Millisecond }

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// dropOffsets removes what groups have committed for a topic that was deleted. What it cannot remove is not read either
// (current), but stays until its group goes.
func (s *Server) dropOffsets(ctx context.Context, t *topic) {
	if s.Coordinators.Groups == nil {
		return
	}
	if err := s.Coordinators.Groups.DropTopic(context.WithoutCancel(ctx), t.name, t.id); err != nil {
		s.Logger.Warn("the committed offsets of a deleted topic could not all be removed", "topic", t.name, "error", err)
	}
}
