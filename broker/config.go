package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/typelog/typelog/broker/contract"
)

// Config says how a broker is set up. Its zero value works: data in ./typelog-data/broker, clients on port 9092 of both
// loopbacks, Kafka's default settings, no contracts.
type Config struct {
	// Dir is where topics and records are kept; it is made if it is missing. Only one process may use it at a time,
	// which the caller has to ensure.
	Dir string
	// ClusterID is what clients are told; it should stay the same for the life of Dir.
	ClusterID string
	// NodeID is the broker's id; 1 if zero.
	NodeID int32
	// Listeners are where clients connect.
	Listeners []Listener
	// Settings are broker settings by Kafka's names. A name or value that is not known is an error that says what is.
	Settings map[string]string
	// Contract is asked about every batch for a topic that has a contract; nil refuses nothing.
	Contract contract.Contract
	// Logger gets what an operator should see; nil discards it.
	Logger *slog.Logger
	// Registerer gets the broker's metrics; nil keeps them to itself.
	Registerer prometheus.Registerer
	// Active, if set, is called for each request, by many goroutines at once. It must cost next to nothing.
	Active func()
}

// Listener is a door for clients.
type Listener struct {
	// Name tells listeners apart; PLAINTEXT if empty.
	Name string
	// Bind are the addresses, host:port each. The host localhost stands for both loopbacks, as far as the machine has
	// them. Port 0 takes one that is free.
	Bind []string
	// Advertise is the host:port that clients of this listener are told to connect to; the first address of Bind if empty,
	// which cannot be a wildcard then.
	Advertise string
}

const (
	defaultDir     = "typelog-data/broker"
	defaultAddr    = "localhost:9092"
	defaultName    = "PLAINTEXT"
	defaultCluster = "typelog"
	defaultNode    = 1
)

func (cfg *Config) fill() {
	if cfg.Dir == "" {
		cfg.Dir = defaultDir
	}
	if cfg.ClusterID == "" {
		cfg.ClusterID = defaultCluster
	}
	if cfg.NodeID == 0 {
		cfg.NodeID = defaultNode
	}
	if len(cfg.Listeners) == 0 {
		cfg.Listeners = []Listener{{}}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	listeners := make([]Listener, len(cfg.Listeners))
	for i, l := range cfg.Listeners {
		if l.Name == "" {
			l.Name = defaultName
		}
		if len(l.Bind) == 0 {
			l.Bind = []string{defaultAddr}
		}
		listeners[i] = l
	}
	cfg.Listeners = listeners
}

func (cfg *Config) check() error {
	names := map[string]bool{}
	for _, l := range cfg.Listeners {
		if names[l.Name] {
			return fmt.Errorf("two listeners are named %s: give each its own name", l.Name)
		}
		names[l.Name] = true
		for _, addr := range l.Bind {
			host, _, err := splitAddr(addr)
			if err != nil {
				return fmt.Errorf("listener %s: address %q: %w", l.Name, addr, err)
			}
			if wildcard(host) && l.Advertise == "" {
				return fmt.Errorf("listener %s: %q means every address of this machine, and clients have to be told one: "+
					"add --advertise HOST:PORT (advertise: in the configuration file)", l.Name, addr)
			}
		}
		if l.Advertise == "" {
			continue
		}
		host, port, err := splitAddr(l.Advertise)
		if err != nil {
			return fmt.Errorf("listener %s: advertised address %q: %w", l.Name, l.Advertise, err)
		}
		if wildcard(host) {
			return fmt.Errorf("listener %s: clients cannot connect to %q: advertise a name or address that they can reach",
				l.Name, l.Advertise)
		}
		if port == 0 {
			return fmt.Errorf("listener %s: advertised address %q has no port", l.Name, l.Advertise)
		}
	}
	return nil
}

var errAddr = errors.New("want HOST:PORT, such as localhost:9092")

func splitAddr(addr string) (host string, port uint16, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, errAddr
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, errAddr
	}
	return host, uint16(n), nil
}

// wildcard reports whether a host stands for all addresses of the machine.
func wildcard(host string) bool {
	if host == "" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsUnspecified()
}
