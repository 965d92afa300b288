package api

// table lists every key that this broker answers: lowest and highest version as they are advertised, what a request needs to
// be allowed, how it is refused, its handler, and a size limit where 256 KiB is not right. A key that is not here closes
// the connection, and so does a version outside its row (ApiVersions excepted). The versions are Kafka 4.2's.
func table() []entry {
	return []entry{
		// Versions 0 to 2 are advertised because old librdkafka looks at them to decide whether it may compress
		// (KAFKA-18659), and answered with UNSUPPORTED_VERSION.
		produceRow(0, 13, produce),
		row(4, 18, "4:12-14 4 4 4 1 4 4 (s:12 16:13+ (4 4 8 4 8 4)) (s:12 16:13+ [4]) s", fetchNeeds, refuseFetch, fetch, waits, limit(512<<10)),
		row(1, 11, "4 1 (s (4 4 8)) 4:10+", listOffsetsNeeds, refuseListOffsets, listOffsets),
		row(0, 13, "(16:10+ s) 1 1:9-10 1", metadataNeeds, refuseMetadata, metadata),
		row(2, 10, "s 4 s s (s:8-9 16:10+ (4 8 4 s))", offsetCommitNeeds, refuseOffsetCommit, offsetCommit, limit(512<<10)),
		row(1, 10, "s:6-7 (s [4]):6-7 (s s:9+ 4:9+ (s:8-9 16:10+ [4])):8+ 1:7+", offsetFetchNeeds, refuseOffsetFetch, offsetFetch, cost(160)),
		row(0, 6, "s:3 1 [s]:4+", findCoordinatorNeeds, refuseFindCoordinator, findCoordinator, limit(64<<10), cost(400)),
		row(0, 9, "s 4 4 s s s (s s) s:8+", joinGroupNeeds, refuseJoinGroup, joinGroup, waits, limit(512<<10)),
		row(0, 4, "s 4 s s", heartbeatNeeds, refuseHeartbeat, heartbeat),
		row(0, 5, "s (s s s:5+)", leaveGroupNeeds, refuseLeaveGroup, leaveGroup),
		row(0, 5, "s 4 s s s:5+ s:5+ (s s)", syncGroupNeeds, refuseSyncGroup, syncGroup, waits, limit(512<<10)),
		row(0, 6, "[s] 1", describeGroupsNeeds, refuseDescribeGroups, describeGroups, limit(64<<10), cost(400)),
		row(0, 5, "[s]:4+ [s]:5+", noNeed, refuseListGroups, listGroups),
		row(0, 4, "s s", noNeed, refuseApiVersions, apiVersions, limit(4<<10)),
		row(2, 7, "(s 4 2 (4 [4]) (s s)) 4 1", createTopicsNeeds, refuseCreateTopics, createTopics),
		row(1, 6, "[s]:4-5 (s 16):6+ 4", deleteTopicsNeeds, refuseDeleteTopics, deleteTopics, limit(112<<10), cost(400)),
		row(0, 2, "(s (4 8)) 4", deleteRecordsNeeds, refuseDeleteRecords, deleteRecords),
		row(0, 5, "s 4 8:3+ 2:3+", initProducerIDNeeds, refuseInitProducerID, initProducerID, limit(64<<10)),
		row(2, 4, "4 (s (4 4 4))", offsetForLeaderEpochNeeds, refuseOffsetForLeaderEpoch, offsetForLeaderEpoch),
		row(0, 5, "s:3 8:3 2:3 (s [4]):3 (s 8 2 1 (s [4])):4+", addPartitionsToTxnNeeds, refuseAddPartitionsToTxn, addPartitionsToTxn, limit(112<<10), cost(400)),
		row(0, 4, "s 8 2 s", addOffsetsToTxnNeeds, refuseAddOffsetsToTxn, addOffsetsToTxn, limit(128<<10)),
		row(0, 5, "s 8 2 1", endTxnNeeds, refuseEndTxn, endTxn, limit(64<<10)),
		row(1, 1, "(8 2 1 (s [4]) 4)", writeTxnMarkersNeeds, refuseWriteTxnMarkers, writeTxnMarkers),
		row(0, 5, "s s 8 2 4 s s (s (4 8 4 s))", txnOffsetCommitNeeds, refuseTxnOffsetCommit, txnOffsetCommit, limit(512<<10)),
		row(1, 4, "(1 s [s]) 1 1", describeConfigsNeeds, refuseDescribeConfigs, describeConfigs),
		row(0, 2, "(1 s (s s)) 1", alterConfigsNeeds, refuseAlterConfigs, alterConfigs, cost(120)),
		row(0, 3, "(s 4 ([4])) 4 1", createPartitionsNeeds, refuseCreatePartitions, createPartitions),
		row(0, 2, "[s]", deleteGroupsNeeds, refuseDeleteGroups, deleteGroups, limit(64<<10), cost(400)),
		row(0, 1, "(1 s (s 1 s)) 1", incrementalAlterConfigsNeeds, refuseIncrementalAlterConfigs, incrementalAlterConfigs, cost(120)),
		row(0, 0, "", offsetDeleteNeeds, refuseOffsetDelete, offsetDelete),
		row(0, 2, "1 1:1+ 1:2+", describeClusterNeeds, refuseDescribeCluster, describeCluster),
		row(0, 0, "(s [4])", describeProducersNeeds, refuseDescribeProducers, describeProducers, limit(64<<10), cost(400)),
		row(0, 0, "[s]", describeTransactionsNeeds, refuseDescribeTransactions, describeTransactions, limit(64<<10), cost(400)),
		row(0, 1, "[s] [8] 8:1+", noNeed, refuseListTransactions, listTransactions),
	}
}
