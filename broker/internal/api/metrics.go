package api

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/typelog/typelog/broker/internal/wire"
)

// metrics are what the handlers count.
type metrics struct {
	// refused counts batches that were not taken, by topic and reason.
	refused *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{refused: wire.Registered(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "typelog_refused_batches_total",
		Help: "Batches of records that were refused, by topic and reason: contract (a record does not fit its schema), " +
			"undecided (the contract could not be checked), acks0, corrupt, too_large, timestamp, invalid.",
	}, []string{"topic", "reason"}))}
}
