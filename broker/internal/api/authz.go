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

// may asks the authorizer about something that the request did not name, such as each topic of a list of all.
func (s *Server) may(ctx context.Context, c caller, op Operation, kind ResourceKind, name string) bool {
	return s.Authorizer == nil || s.Authorizer.Allowed(ctx, c.Principal, op, kind, name)
}

// aclOperations are the operations that make sense for a kind of resource, and the bits that stand for them in answers
// (KIP-430).
var aclOperations = map[ResourceKind][]struct {
	op  Operation
	bit uint
}{
	Topic:   {{Read, 3}, {Write, 4}, {Create, 5}, {Delete, 6}, {Alter, 7}, {Describe, 8}, {DescribeConfigs, 10}, {AlterConfigs, 11}},
	Group:   {{Read, 3}, {Delete, 6}, {Describe, 8}, {DescribeConfigs, 10}, {AlterConfigs, 11}},
	Cluster: {{Create, 5}, {Alter, 7}, {Describe, 8}, {ClusterAction, 9}, {DescribeConfigs, 10}, {AlterConfigs, 11}, {IdempotentWrite, 12}},
}

// operations is the bit set of what the caller may do with a resource.
func (s *Server) operations(ctx context.Context, c caller, kind ResourceKind, name string) int32 {
	bits := int32(0)
	for _, o := range aclOperations[kind] {
		if s.may(ctx, c, o.op, kind, name) {
			bits |= 1 << o.bit
		}
	}
	return bits
}
