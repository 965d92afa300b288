package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kinds of endpoints that DescribeCluster can be asked about (KIP-919).
const endpointBrokers = 1

// describeCluster answers DescribeCluster (KIP-700).
func describeCluster(s *Server, ctx context.Context, c caller, req *kmsg.DescribeClusterRequest) finish {
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	resp.EndpointType = req.EndpointType
	if req.Version >= 1 && req.EndpointType != endpointBrokers {
		err := &fault{kerr.MismatchedEndpointType, "This is a broker; the controller cannot be reached by itself."}
		resp.ErrorCode, resp.ErrorMessage = code(err), message(err)
		return now(resp)
	}
	resp.ClusterID = s.Settings.ClusterID
	resp.ControllerID = s.Settings.NodeID
	at := s.Settings.Advertised[c.Listener]
	b := kmsg.NewDescribeClusterResponseBroker()
	b.NodeID, b.Host, b.Port = s.Settings.NodeID, at.Host, at.Port
	resp.Brokers = append(resp.Brokers, b)
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = s.operations(ctx, c, Cluster, ClusterResource)
	}
	return now(resp)
}

func describeClusterNeeds(*Server, *kmsg.DescribeClusterRequest) []need { return onCluster(Describe) }

func refuseDescribeCluster(req *kmsg.DescribeClusterRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DescribeClusterResponse)
	resp.ErrorCode, resp.ErrorMessage = kerr.ClusterAuthorizationFailed.Code, message(kerr.ClusterAuthorizationFailed)
	return resp
}
