// Package api answers Kafka's requests: one file for each key, and one table, table.go, that lists them all with versions,
// size limit, authorization and handler. It translates between kmsg's structs and the rooms that hold the state (topics,
// partitions, groups), which know nothing of the protocol.
//
// It must not know sockets, frames or headers (package wire), nor files.
//
// Flow: wire -> Server.Start -> table -> handler -> contract, partitions, coordinators -> finish -> wire.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/contract"
	"github.com/typelog/typelog/broker/internal/config"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/lograte"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/wire"
)

// Options are what a Server is made of.
type Options struct {
	Settings Settings
	Engine   log.Engine
	Catalog  *Catalog
	Config   *config.Broker
	// Contract is asked about every batch for a topic that has one; nil asks nobody.
	Contract contract.Contract
	Codecs   *record.Codecs
	// Coordinators answer for groups and producer ids.
	Coordinators Coordinators
	// Authorizer decides who may do what; nil allows everything.
	Authorizer Authorizer
	// Logger gets what an operator should see; nil discards it.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	Options
	entries    map[int16]*entry
	advertised []kmsg.ApiVersionsResponseApiKey
	metrics    *metrics
	now        func() time.Time
	calls      produceCalls
	sessions   *sharedSessions
	refusals   *lograte.Limiter // lines about refused batches
	failures   *lograte.Limiter // lines about failed reads and writes
}

// New makes a Server.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		Options: o, entries: map[int16]*entry{}, metrics: newMetrics(o.Registerer), now: time.Now,
		sessions: newSharedSessions(o.Settings, o.Registerer),
		refusals: lograte.New(time.Second, 5), failures: lograte.New(time.Second, 5),
	}
	rows := table()
	for i := range rows {
		e := &rows[i]
		if e.bulk {
			e.limit = o.Settings.RequestMaxBytes
		}
		s.entries[e.key] = e
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = e.key, e.min, e.max
		s.advertised = append(s.advertised, k)
	}
	return s
}

// Admit implements wire.Handler.
func (s *Server) Admit(key, version int16) (wire.Admission, bool) {
	e := s.entries[key]
	if e == nil {
		return wire.Admission{}, false
	}
	if version < e.min || version > e.max {
		// The header of a version from the future is not known beyond the correlation id.
		return wire.Admission{MaxBytes: e.limit}, key == apiVersionsKey
	}
	a := wire.Admission{MaxBytes: e.limit, Setting: e.setting, RequestHeader: 1, Waits: e.waits, Bulk: e.bulk, Cost: e.cost}
	if version >= e.flexibleFrom {
		a.RequestHeader = 2
		if key != apiVersionsKey {
			a.ResponseHeader = 1
		}
	}
	if e.bulk {
		a.Peek = func(prefix []byte) error { return peekProduce(version, prefix) }
	}
	return a, true
}

// Start implements wire.Handler.
func (s *Server) Start(ctx context.Context, r *wire.Request) wire.Finish {
	e := s.entries[r.Key]
	if r.Version < e.min || r.Version > e.max {
		return encode(now(s.unknownApiVersions()))
	}
	f, err := e.begin(s, ctx, caller{Caller: r.Caller}, r.Version, r.Body)
	if err != nil {
		err = fmt.Errorf("%s v%d: %w", e.name, r.Version, err)
		return func() wire.Answer { return wire.Answer{Err: err} }
	}
	return encode(f)
}

var errNoAnswer = errors.New("the handler returned no answer")

// encode turns a handler's finish into wire's.
func encode(f finish) wire.Finish {
	return func() wire.Answer {
		a := f()
		switch {
		case a.close != nil:
			return wire.Answer{Err: a.close}
		case a.none:
			return wire.Answer{None: true}
		case a.parts != nil:
			return wire.Answer{Parts: a.parts}
		case a.resp != nil:
			return wire.Answer{Parts: []wire.Part{{Bytes: a.resp.AppendTo(nil)}}}
		}
		return wire.Answer{Err: errNoAnswer}
	}
}
