package broker

import (
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/typelog/typelog/broker/internal/api"
	"github.com/typelog/typelog/broker/internal/config"
	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
	"github.com/typelog/typelog/broker/internal/wire"
)

// settings reads the broker's settings, and logs those that have no effect.
func (b *Broker) settings(advertised map[string]api.Endpoint) (*config.Broker, error) {
	var bound, told []string
	for _, s := range b.sockets {
		bound = append(bound, s.Name+"://"+s.Addr().String())
	}
	for _, l := range b.cfg.Listeners {
		at := advertised[l.Name]
		told = append(told, l.Name+"://"+net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port))))
	}
	s, warnings, err := config.New(b.cfg.Settings, map[string]string{
		"node.id":              strconv.Itoa(int(b.cfg.NodeID)),
		"listeners":            strings.Join(bound, ","),
		"advertised.listeners": strings.Join(told, ","),
		"log.dirs":             b.cfg.Dir,
	})
	for _, w := range warnings {
		b.cfg.Logger.Warn("a setting has no effect", "setting", w.Name, "reason", w.Reason)
	}
	return s, err
}

// wireOptions are the limits of connections.
func (cfg *Config) wireOptions(s *config.Broker) wire.Options {
	return wire.Options{
		MaxConnections:      s.Int("max.connections"),
		MaxConnectionsPerIP: s.Int("max.connections.per.ip"),
		IdleTimeout:         s.Duration("connections.max.idle.ms"),
		MemoryBudget:        s.Int64(wire.MemorySetting),
		FrameBudget:         s.Int64(wire.FramesSetting),
		SendBuffer:          s.Int("socket.send.buffer.bytes"),
		Logger:              cfg.Logger,
		Registerer:          cfg.Registerer,
		Active:              cfg.Active,
	}
}

// groupConfig is how groups behave.
func (cfg *Config) groupConfig(s *config.Broker) group.Config {
	return group.Config{
		Settings: group.Settings{
			MinSession:        s.Duration("group.min.session.timeout.ms"),
			MaxSession:        s.Duration("group.max.session.timeout.ms"),
			InitialDelay:      s.Duration("group.initial.rebalance.delay.ms"),
			MaxSize:           s.Int("group.max.size"),
			MaxOffsetMetadata: s.Int("offset.metadata.max.bytes"),
			Retention:         time.Duration(s.Int64("offsets.retention.minutes")) * time.Minute,
		},
		CheckInterval: s.Duration("offsets.retention.check.interval.ms"),
		Logger:        cfg.Logger,
	}
}

// txnConfig is how transactions behave.
func (cfg *Config) txnConfig(s *config.Broker, epoch int32) txn.Config {
	return txn.Config{
		MaxTimeout:  s.Duration("transaction.max.timeout.ms"),
		Expiration:  s.Duration("transactional.id.expiration.ms"),
		AbortEvery:  s.Duration("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
		ForgetEvery: s.Duration("transaction.remove.expired.transaction.cleanup.interval.ms"),
		JoinWait:    s.Duration("add.partitions.to.txn.retry.backoff.max.ms"),
		Epoch:       epoch,
		Logger:      cfg.Logger,
	}
}

// transactionsTopic is the form of __transaction_state when it is created.
func transactionsTopic(s *config.Broker) state.TopicConfig {
	return state.TopicConfig{
		Partitions:   int32(s.Int("transaction.state.log.num.partitions")),
		SegmentBytes: s.Int64("transaction.state.log.segment.bytes"),
	}
}

// offsetsTopic is the form of __consumer_offsets when it is created.
func offsetsTopic(s *config.Broker) state.TopicConfig {
	return state.TopicConfig{
		Partitions:   int32(s.Int("offsets.topic.num.partitions")),
		SegmentBytes: s.Int64("offsets.topic.segment.bytes"),
	}
}
