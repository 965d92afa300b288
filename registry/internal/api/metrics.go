package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics count what is served.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "typelog_registry_requests_total", Help: "Requests by method, route and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "typelog_registry_request_seconds", Help: "Time to answer, by method and route.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"method", "route"}),
	}
	m.registry.MustRegister(m.requests, m.seconds)
	return m
}

// metricsHandler serves the registry's metrics and those of the rest of the process. It stands outside the table because
// it speaks Prometheus's content types; it needs the same right as the server's identity.
func (s *server) metricsHandler() http.Handler {
	gatherers := prometheus.Gatherers{s.metrics.registry}
	if s.options.Gatherer != nil {
		gatherers = append(gatherers, s.options.Gatherer)
	}
	serve := promhttp.HandlerFor(gatherers, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		c := &call{server: s, request: request, writer: w, kind: typeV1}
		if err := c.authorize(Describe); err != nil {
			c.fail(err)
			return
		}
		serve.ServeHTTP(w, request)
	})
}

// route counts one route. Its counter for 200 is looked up once.
func (m *metrics) route(method, pattern string) *routeMetrics {
	return &routeMetrics{
		ok:      m.requests.WithLabelValues(method, pattern, "200"),
		other:   m.requests.MustCurryWith(prometheus.Labels{"method": method, "route": pattern}),
		seconds: m.seconds.WithLabelValues(method, pattern),
	}
}

type routeMetrics struct {
	ok      prometheus.Counter
	other   *prometheus.CounterVec
	seconds prometheus.Observer
}

func (r *routeMetrics) observe(status int, started time.Time) {
	if status == 200 {
		r.ok.Inc()
	} else {
		r.other.WithLabelValues(strconv.Itoa(status)).Inc()
	}
	r.seconds.Observe(time.Since(started).Seconds())
}
