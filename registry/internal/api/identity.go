package api

// What the server tells that it is compatible with.
const (
	version      = "8.3.1"
	olderVersion = "7.9.0"
)

func root(*call) (any, error) { return struct{}{}, nil }

func healthz(*call) (any, error) { return map[string]string{"status": "ok"}, nil }

func readyz(c *call) (any, error) {
	if err := c.service.Ready(c.request.Context()); err != nil {
		return nil, &statusError{status: 503, code: 503, message: err.Error()}
	}
	return map[string]string{"status": "ready"}, nil
}

func serverID(c *call) (any, error) {
	return map[string]any{"scope": map[string]any{
		"path":     []string{},
		"clusters": map[string]string{"kafka-cluster": c.options.ClusterID, "schema-registry-cluster": "schema-registry"},
	}}, nil
}

func serverVersion(c *call) (any, error) {
	version := version
	if c.options.Compat == 7 {
		version = olderVersion
	}
	return map[string]string{"version": version, "commitId": "typelog"}, nil
}

func serverDeployment(*call) (any, error) { return map[string][]string{"attributes": {}}, nil }
