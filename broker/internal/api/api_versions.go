package api

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// apiVersionsKey is the one key whose unknown versions are answered (KIP-511): in version 0, with this error and the
// versions of ApiVersions itself, so that the client can try again with one that is known.
const apiVersionsKey = 18

// apiVersions answers ApiVersions (KIP-35, KIP-511).
func apiVersions(s *Server, _ context.Context, _ caller, req *kmsg.ApiVersionsRequest) finish {
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	if req.Version >= 3 && !(validSoftware(req.ClientSoftwareName) && validSoftware(req.ClientSoftwareVersion)) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		return now(resp)
	}
	resp.ApiKeys = s.advertised
	features(resp)
	return now(resp)
}

// features says how transactions work here (KIP-584, KIP-890): transaction.version 2, and what is below it.
func features(resp *kmsg.ApiVersionsResponse) {
	supported := kmsg.NewApiVersionsResponseSupportedFeature()
	supported.Name, supported.MinVersion, supported.MaxVersion = "transaction.version", clientsFirst, brokerFirst
	if resp.Version < 4 {
		supported.MinVersion = 1 // older clients cannot read 0 (KAFKA-17011)
	}
	finalized := kmsg.NewApiVersionsResponseFinalizedFeature()
	finalized.Name, finalized.MinVersionLevel, finalized.MaxVersionLevel = supported.Name, brokerFirst, brokerFirst
	resp.SupportedFeatures = append(resp.SupportedFeatures, supported)
	resp.FinalizedFeatures = append(resp.FinalizedFeatures, finalized)
	resp.FinalizedFeaturesEpoch = 1
}

func refuseApiVersions(req *kmsg.ApiVersionsRequest) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
	resp.ErrorCode = kerr.ClusterAuthorizationFailed.Code
	return resp
}

// unknownApiVersions is the answer to a version of ApiVersions that is not in the table.
func (s *Server) unknownApiVersions() kmsg.Response {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.ErrorCode = kerr.UnsupportedVersion.Code
	for _, k := range s.advertised {
		if k.ApiKey == apiVersionsKey {
			resp.ApiKeys = append(resp.ApiKeys, k)
		}
	}
	return resp
}

// validSoftware is KIP-511's [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
func validSoftware(s string) bool {
	alnum := func(c byte) bool {
		return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	if s == "" || !alnum(s[0]) || !alnum(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alnum(c) && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
