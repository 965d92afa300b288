// Package node runs a broker and a schema registry in one process over one data directory, and joins them where they
// must meet: the broker's contract asks the registry whether bytes decode. It is the only place that knows both; it holds
// configuration, start and stop, and the lines that turn one's types into the other's.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/typelog/typelog/broker"
	"github.com/typelog/typelog/internal/datadir"
	"github.com/typelog/typelog/internal/pulse"
	"github.com/typelog/typelog/registry"
)

// contractDefault is the broker setting that new topics take their contract from.
const contractDefault = "typelog.value.contract.default"

// Node is a broker and a registry that listen. Run serves.
type Node struct {
	cfg      File
	dir      *datadir.Dir
	registry *registry.Registry
	broker   *broker.Broker
	pulse    *pulse.Pulse
}

// Open takes the data directory, recovers what is in it, and binds all addresses, so that clients can connect; they are
// answered once Run is called. Its errors are of one line and say what to do.
func Open(cfg File, log *slog.Logger) (*Node, error) {
	dir, err := datadir.Open(cfg.Data)
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, dir: dir, pulse: pulse.New()}
	metrics := prometheus.NewRegistry()
	n.registry, err = registry.New(registry.Config{
		DataDir: dir.Path, Listen: []string{cfg.Registry.Bind}, Log: log, ClusterID: dir.ClusterID,
		Gatherer: metrics, Compat: cfg.Registry.Compat, UsersFile: cfg.Registry.Users, CertFile: cfg.Registry.Cert,
		KeyFile: cfg.Registry.Key,
	})
	if err != nil {
		return nil, errors.Join(registryAdvice(err, cfg.Registry.Bind), dir.Close())
	}
	n.broker, err = broker.New(broker.Config{
		Dir:        filepath.Join(dir.Path, "broker"),
		ClusterID:  dir.ClusterID,
		Listeners:  listeners(cfg.Listeners),
		Settings:   cfg.Settings,
		Contract:   contractOf{n.registry},
		Logger:     log,
		Registerer: metrics,
		Active:     n.pulse.Beat,
	})
	if err != nil {
		return nil, errors.Join(err, n.registry.Close(), dir.Close())
	}
	return n, nil
}

// Pulse beats with each request of a Kafka client.
func (n *Node) Pulse() *pulse.Pulse { return n.pulse }

func listeners(in []FileListener) []broker.Listener {
	out := make([]broker.Listener, len(in))
	for i, l := range in {
		out[i] = broker.Listener{Name: l.Name, Bind: strings.Fields(strings.ReplaceAll(l.Bind, ",", " ")), Advertise: l.Advertise}
	}
	return out
}

// registryAdvice says what to do about a port that is taken.
func registryAdvice(err error, addr string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("cannot listen on %s: another process uses this address. Stop that process, or choose another "+
			"address with --registry-addr HOST:PORT (registry: in the configuration file)", addr)
	}
	return err
}

// Kafka returns the addresses that the broker listens on.
func (n *Node) Kafka() []net.Addr { return n.broker.Addrs() }

// Registry returns the addresses that the registry listens on.
func (n *Node) Registry() []net.Addr { return n.registry.Addrs() }

// Banner tells a person where everything is.
func (n *Node) Banner() string {
	byDefault := n.cfg.Settings[contractDefault]
	if byDefault == "" {
		byDefault = "off"
	}
	hint := ""
	if byDefault != "reject" {
		hint = " (--set " + contractDefault + "=reject makes it strict)"
	}
	return fmt.Sprintf("typelog is ready\n"+
		"  kafka     %s\n"+
		"  registry  %s\n"+
		"  data      %s\n"+
		"  contract  %s for new topics%s\n",
		addresses(n.Kafka()), strings.Join(n.registry.URLs(), ", "), n.dir.Path, byDefault, hint)
}

func addresses(addrs []net.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}

// Run serves until ctx ends or one of the two fails, stops both (the broker first, because it asks the registry), and
// gives the data directory up.
func (n *Node) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	registryCtx, stopRegistry := context.WithCancel(context.WithoutCancel(ctx))
	defer stopRegistry()
	ended := make(chan error, 1)
	go func() {
		err := n.registry.Run(registryCtx)
		stop() // a registry that fails takes the broker with it
		ended <- err
	}()
	err := n.broker.Run(ctx)
	stopRegistry()
	return errors.Join(err, <-ended, n.dir.Close())
}

// Close gives everything back if Run is not to be called.
func (n *Node) Close() error {
	return errors.Join(n.broker.Close(), n.registry.Close(), n.dir.Close())
}
