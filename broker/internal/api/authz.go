package api

import "context"

// Operation is what a caller wants to do with a resource, as in Kafka's ACLs.
type Operation uint8

// The operations that requests need.
const (
	Read Operation = iota + 1
	Write
	Create
	Delete
	Alter
	Describe
	ClusterAction
	DescribeConfigs
	AlterConfigs
	IdempotentWrite
)

// ResourceKind is a kind of resource, as in Kafka's ACLs.
type ResourceKind uint8

// The kinds of resources. There is one resource of kind Cluster, whose name is ClusterResource.
const (
	Topic ResourceKind = iota + 1
	Group
	Cluster
	TransactionalID
)

// ClusterResource is the name of the only resource of kind Cluster.
const ClusterResource = "kafka-cluster"

// need is one thing that a request asks to be allowed.
type need struct {
	Op   Operation
	Kind ResourceKind
	Name string
}

// Authorizer decides who may do what. It is called for every need of every request and must be quick.
type Authorizer interface {
	Allowed(ctx context.Context, principal string, op Operation, kind ResourceKind, name string) bool
}

// deny asks the authorizer for each need, notes what is refused in c, and reports whether everything is.
func (s *Server) deny(ctx context.Context, c *caller, needs []need) bool {
	if s.Authorizer == nil {
		return false
	}
	refused := 0
	for _, n := range needs {
		if s.Authorizer.Allowed(ctx, c.Principal, n.Op, n.Kind, n.Name) {
			continue
		}
		if c.denied == nil {
			c.denied = map[need]struct{}{}
		}
		c.denied[n] = struct{}{}
		refused++
	}
	return refused > 0 && refused == len(needs)
}

// noNeed is the authorization column of a request that anybody may send.
func noNeed[R any](*Server, R) []need { return nil }

// onCluster needs op on the cluster.
func onCluster(op Operation) []need { return []need{{op, Cluster, ClusterResource}} }
