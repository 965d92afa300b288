package api

// table lists every key that this broker answers: lowest and highest version as they are advertised, what a request needs to
// be allowed, how it is refused, its handler, and a size limit where 256 KiB is not right. A key that is not here closes
// the connection, and so does a version outside its row (ApiVersions excepted). The versions are Kafka 4.2's.
func table() []entry {
	return []entry{
		// Versions 0 to 2 are advertised because old librdkafka looks at them to decide whether it may compress
		// (KAFKA-18659), and answered with UNSUPPORTED_VERSION.
		produceRow(0, 13, produce),
		row(4, 18, fetchNeeds, refuseFetch, fetch, waits, limit(512<<10)),
		row(1, 11, listOffsetsNeeds, refuseListOffsets, listOffsets),
		row(0, 13, metadataNeeds, refuseMetadata, metadata),
		row(2, 10, offsetCommitNeeds, refuseOffsetCommit, offsetCommit, limit(512<<10)),
		row(1, 10, offsetFetchNeeds, refuseOffsetFetch, offsetFetch),
		row(0, 6, findCoordinatorNeeds, refuseFindCoordinator, findCoordinator),
		row(0, 9, joinGroupNeeds, refuseJoinGroup, joinGroup, waits, limit(512<<10)),
		row(0, 4, heartbeatNeeds, refuseHeartbeat, heartbeat),
		row(0, 5, leaveGroupNeeds, refuseLeaveGroup, leaveGroup),
		row(0, 5, syncGroupNeeds, refuseSyncGroup, syncGroup, waits, limit(512<<10)),
		row(0, 6, describeGroupsNeeds, refuseDescribeGroups, describeGroups),
		row(0, 5, noNeed, refuseListGroups, listGroups),
		row(0, 4, noNeed, refuseApiVersions, apiVersions, limit(4<<10)),
		row(2, 7, createTopicsNeeds, refuseCreateTopics, createTopics),
		row(1, 6, deleteTopicsNeeds, refuseDeleteTopics, deleteTopics),
		row(0, 2, deleteRecordsNeeds, refuseDeleteRecords, deleteRecords),
		row(0, 5, initProducerIDNeeds, refuseInitProducerID, initProducerID, limit(64<<10)),
		row(2, 4, offsetForLeaderEpochNeeds, refuseOffsetForLeaderEpoch, offsetForLeaderEpoch),
		row(1, 4, describeConfigsNeeds, refuseDescribeConfigs, describeConfigs),
		row(0, 2, alterConfigsNeeds, refuseAlterConfigs, alterConfigs),
		row(0, 3, createPartitionsNeeds, refuseCreatePartitions, createPartitions),
		row(0, 2, deleteGroupsNeeds, refuseDeleteGroups, deleteGroups),
		row(0, 1, incrementalAlterConfigsNeeds, refuseIncrementalAlterConfigs, incrementalAlterConfigs),
		row(0, 0, offsetDeleteNeeds, refuseOffsetDelete, offsetDelete),
		row(0, 2, describeClusterNeeds, refuseDescribeCluster, describeCluster),
	}
}
