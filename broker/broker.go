// Package broker is a Kafka-compatible broker: any Kafka client produces to it and consumes from it. A topic can have a
// contract, and then takes only records that fit it; who decides that is given in Config.
//
// It joins the rooms below broker/internal and holds no logic of its own. It must not know the schema registry.
//
// Flow: a client -> wire (frames) -> api (one handler for each API key) -> contract -> partlog (partitions) -> disk, and for
// groups and transactions api -> group or txn -> state -> partlog.
package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/typelog/typelog/broker/internal/api"
	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/meta"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
	"github.com/typelog/typelog/broker/internal/wire"
)

// shutdownGrace is how long connections get to take their last answers.
const shutdownGrace = 5 * time.Second

// Broker is a broker that listens. Run serves.
type Broker struct {
	cfg     Config
	sockets []wire.Socket
	server  *wire.Server
	groups  *group.Coordinator
	txns    *txn.Coordinator
	engine  log.Engine
	store   *meta.Store
}

// New opens the data, recovers it if need be, and binds the listeners, so that clients can connect; they are served by Run.
// A broker that is not run must be closed.
func New(cfg Config) (*Broker, error) {
	cfg.fill()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the broker's directory: %w", err)
	}
	b := &Broker{cfg: cfg}
	if err := b.open(context.Background()); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// open opens the rooms from the bottom up.
func (b *Broker) open(ctx context.Context) error {
	// The sockets come first: a port that is taken is found out before anything is touched.
	var advertised map[string]api.Endpoint
	var err error
	if b.sockets, advertised, err = bind(b.cfg.Listeners); err != nil {
		return err
	}
	settings, err := b.settings(advertised)
	if err != nil {
		return err
	}
	epoch, err := b.openData(ctx, settings)
	if err != nil {
		return err
	}
	catalog, err := api.LoadCatalog(ctx, b.store, b.engine, settings, b.cfg.Logger)
	if err != nil {
		return err
	}
	b.groups = group.NewCoordinator(state.NewTopic(b.engine, catalog, offsetsTopic(settings)), b.cfg.groupConfig(settings))
	b.groups.Start()
	markers := &api.Markers{Catalog: catalog, Engine: b.engine, Groups: b.groups, Logger: b.cfg.Logger}
	b.txns = txn.NewCoordinator(state.NewTransactionTopic(b.engine, catalog, transactionsTopic(settings)), markers,
		txn.NewProducers(b.store, 0), b.cfg.txnConfig(settings, epoch))
	b.txns.Start()
	s := api.SettingsOf(settings)
	s.NodeID, s.ClusterID, s.Advertised = b.cfg.NodeID, b.cfg.ClusterID, advertised
	handler := api.New(api.Options{
		Settings: s, Config: settings, Engine: b.engine, Catalog: catalog, Contract: b.cfg.Contract,
		Coordinators: api.Coordinators{Groups: b.groups, Transactions: b.txns, Markers: markers},
		Codecs:       record.NewCodecs(settings.Int("typelog.batch.expand.max.bytes")),
		Logger:       b.cfg.Logger, Registerer: b.cfg.Registerer,
	})
	b.server = wire.New(handler, b.cfg.wireOptions(settings))
	return nil
}

// Addrs are the addresses that are bound.
func (b *Broker) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(b.sockets))
	for i, s := range b.sockets {
		addrs[i] = s.Addr()
	}
	return addrs
}

// Run serves clients until ctx ends, then shuts down: the listeners, the connections, the coordinators, the logs. It returns
// when all have ended.
func (b *Broker) Run(ctx context.Context) error {
	err := b.server.Serve(ctx, b.sockets, shutdownGrace)
	return errors.Join(err, b.Close())
}

// Close releases what New opened. Run does it by itself.
func (b *Broker) Close() error {
	var errs []error
	for _, s := range b.sockets {
		if err := s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if b.txns != nil {
		b.txns.Close() // it writes markers through the groups
		b.txns = nil
	}
	if b.groups != nil {
		b.groups.Close()
		b.groups = nil
	}
	if b.engine != nil {
		errs = append(errs, b.engine.Close())
		b.engine = nil
	}
	if b.store != nil {
		errs = append(errs, b.store.Close())
		b.store = nil
	}
	return errors.Join(errs...)
}
