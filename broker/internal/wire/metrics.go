package wire

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metrics are what this package counts. Requests are counted by key in an array, because a labelled look-up for each
// request would be felt.
type metrics struct {
	connections prometheus.Gauge
	requests    [128]prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{connections: Registered(r, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "typelog_connections", Help: "Connections that are open.",
	}))}
	requests := Registered(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "typelog_requests_total", Help: "Requests taken in, by the name of their API key.",
	}, []string{"request"}))
	for key := range m.requests {
		if name := kmsg.NameForKey(int16(key)); name != "Unknown" {
			m.requests[key] = requests.WithLabelValues(name)
		}
	}
	return m
}

// Registered registers a collector and returns it, or the one that is registered already: several brokers in one process
// (tests) count together.
func Registered[C prometheus.Collector](r prometheus.Registerer, c C) C {
	var there prometheus.AlreadyRegisteredError
	if r == nil {
		return c
	}
	if err := r.Register(c); errors.As(err, &there) {
		if same, ok := there.ExistingCollector.(C); ok {
			return same
		}
	}
	return c
}

func (m *metrics) request(key int16) {
	if key >= 0 && int(key) < len(m.requests) && m.requests[key] != nil {
		m.requests[key].Inc()
	}
}
