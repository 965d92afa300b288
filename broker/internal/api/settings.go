package api

import (
	"time"

	"github.com/typelog/typelog/broker/contract"
	"github.com/typelog/typelog/broker/internal/log"
)

// Settings are what the handlers need of the broker's own settings. Every field must be set.
type Settings struct {
	NodeID    int32
	ClusterID string
	// Advertised is where clients of each listener, by name, find this broker.
	Advertised map[string]Endpoint

	AutoCreateTopics  bool          // auto.create.topics.enable
	DeleteTopics      bool          // delete.topic.enable
	Partitions        int32         // num.partitions
	AnyReplication    bool          // accept replication factors above the number of brokers: for clients' test suites
	RequestMaxBytes   int           // socket.request.max.bytes
	FetchMaxBytes     int           // fetch.max.bytes
	ContractTimeout   time.Duration // the longest that a Produce request waits for the contract's answer
	InternalPartition int32         // partitions of internal topics
}

// Endpoint is a host and port as clients see them.
type Endpoint struct {
	Host string
	Port int32
}

// TopicConfig is what the handlers need of a topic's configs, resolved: what the topic does not set comes from the broker.
type TopicConfig struct {
	Log             log.Config
	MaxMessageBytes int
	Policy          contract.Policy
	AcceptAcks0     bool  // typelog.acks0=accept
	TimestampBefore int64 // message.timestamp.before.max.ms
	TimestampAfter  int64 // message.timestamp.after.max.ms
}
