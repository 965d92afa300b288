package state

// goldens are records byte by byte, as Apache Kafka 4.2 writes them for the same commits and groups.
var goldens = []struct {
	name       string
	effect     Effect
	key, value string
}{
	{
		name: "commit",
		effect: PutOffset{"golden", Offset{Topic: "t", Partition: 1, Offset: 42, LeaderEpoch: 3, Metadata: "note",
			CommitTime: 0x1a1fd7be30a, ExpireTime: -1}},
		key:   "00010006676f6c64656e00017400000001",
		value: "0004000000000000002a00000003056e6f7465000001a1fd7be30a00",
	},
	{
		name: "commit with the topic's id",
		effect: PutOffset{"golden", Offset{Topic: "t", Partition: 1, Offset: 42, LeaderEpoch: 3, Metadata: "note",
			TopicID:    [16]byte{0xbe, 0x7b, 0x74, 0x50, 0x5d, 0xcf, 0x47, 0x2b, 0xa7, 0x1d, 0x04, 0x1c, 0xe8, 0x37, 0x97, 0x2c},
			CommitTime: 0x1a1fd7be317, ExpireTime: -1}},
		key:   "00010006676f6c64656e00017400000001",
		value: "0004000000000000002a00000003056e6f7465000001a1fd7be317010010be7b74505dcf472ba71d041ce837972c",
	},
	{
		name: "commit with its own expiry",
		effect: PutOffset{"golden", Offset{Topic: "t", Partition: 1, Offset: 42, LeaderEpoch: -1, Metadata: "note",
			CommitTime: 0x1a1fd7be318, ExpireTime: 0x1a202a23f18}},
		key:   "00010006676f6c64656e00017400000001",
		value: "0001000000000000002a00046e6f7465000001a1fd7be318000001a202a23f18",
	},
	{
		name:   "removed offset",
		effect: RemoveOffset{"golden", "t", 1},
		key:    "00010006676f6c64656e00017400000001",
	},
	{
		name:   "group without members",
		effect: PutGroup{Group{ID: "grp", StateTime: 0x1a1fd7b9416}},
		key:    "00020003677270",
		value:  "0003000000000000ffffffff000001a1fd7b941600000000",
	},
	{
		name: "group with a static member",
		effect: PutGroup{Group{ID: "grp", ProtocolType: "consumer", Generation: 1, Protocol: "range",
			Leader: "one-864ee1b1a", StateTime: 0x1a1fd7b9442,
			Members: []Member{{
				ID: "one-864ee1b1a", InstanceID: "one", ClientID: "cli", ClientHost: "/127.0.0.1",
				RebalanceTimeout: 60000, SessionTimeout: 45000,
				Subscription: []byte{0, 3, 0, 0, 0, 1, 0, 1, 't', 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255},
				Assignment:   []byte{0, 0, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255},
			}}}},
		key: "00020003677270",
		value: "00030008636f6e73756d657200000001000572616e6765000d6f6e652d383634656531623161000001a1fd7b944200000001" +
			"000d6f6e652d38363465653162316100036f6e650003636c69000a2f3132372e302e302e310000ea600000afc80000001700030000" +
			"0001000174ffffffff00000000ffffffffffff00000019000000000001000174000000020000000000000001ffffffff",
	},
	{
		name:   "removed group",
		effect: RemoveGroup{"grp"},
		key:    "00020003677270",
	},
}

// transactionGoldens are records of __transaction_state, as Apache Kafka 4.2.1 writes them.
var transactionGoldens = []struct {
	name       string
	effect     Effect
	key, value string
}{
	{
		name: "a producer has its identity",
		effect: PutTransaction{Transaction{ID: "java-copy", ProducerID: 1, PreviousProducerID: -1, NextProducerID: -1, LastEpoch: -1,
			Timeout: 60000, Started: -1, Updated: 0x1a224558cca}},
		key:   "000000096a6176612d636f7079",
		value: "0001000000000000000100000000ea600000000001a224558ccaffffffffffffffff00",
	},
	{
		name: "two partitions have joined",
		effect: PutTransaction{Transaction{ID: "java-copy", ProducerID: 1, PreviousProducerID: -1, NextProducerID: -1, LastEpoch: -1,
			Timeout: 60000, Status: TransactionOngoing, Started: 0x1a22455903d, Updated: 0x1a2245590d1, Version: 2,
			Partitions: []TopicPartition{{"__consumer_offsets", 0}, {"txn-java-out", 0}}}},
		key: "000000096a6176612d636f7079",
		value: "0001000000000000000100000000ea600103135f5f636f6e73756d65725f6f6666736574730200000000000d74786e2d6a6176612d6f75740200" +
			"00000000000001a2245590d1000001a22455903d0102020002",
	},
	{
		name: "it is going to be committed",
		effect: PutTransaction{Transaction{ID: "java-copy", ProducerID: 1, PreviousProducerID: -1, NextProducerID: -1, LastEpoch: -1,
			Epoch: 4, Timeout: 60000, Status: TransactionPrepareCommit, Started: 0x1a224559515, Updated: 0x1a22455952f, Version: 2,
			Partitions: []TopicPartition{{"__consumer_offsets", 0}, {"txn-java-out", 0}}}},
		key: "000000096a6176612d636f7079",
		value: "0001000000000000000100040000ea600203135f5f636f6e73756d65725f6f6666736574730200000000000d74786e2d6a6176612d6f75740200" +
			"00000000000001a22455952f000001a2245595150102020002",
	},
	{
		name: "committed",
		effect: PutTransaction{Transaction{ID: "java-copy", ProducerID: 1, PreviousProducerID: -1, NextProducerID: -1, LastEpoch: -1,
			Epoch: 4, Timeout: 60000, Status: TransactionCompleteCommit, Started: 0x1a224559515, Updated: 0x1a224559532, Version: 2}},
		key:   "000000096a6176612d636f7079",
		value: "0001000000000000000100040000ea600401000001a224559532000001a2245595150102020002",
	},
	{
		name: "an older client has two partitions of one topic",
		effect: PutTransaction{Transaction{ID: "python", ProducerID: 3, PreviousProducerID: -1, NextProducerID: -1, LastEpoch: -1,
			Timeout: 60000, Status: TransactionOngoing, Started: 0x1a22455a0dd, Updated: 0x1a22455a0e7,
			Partitions: []TopicPartition{{"txn-python-out", 0}, {"txn-python-out", 1}, {"__consumer_offsets", 0}}}},
		key: "00000006707974686f6e",
		value: "0001000000000000000300000000ea6001030f74786e2d707974686f6e2d6f757403000000000000000100135f5f636f6e73756d65725f6f6666" +
			"73657473020000000000000001a22455a0e7000001a22455a0dd00",
	},
	{
		name:   "forgotten",
		effect: RemoveTransaction{"python"},
		key:    "00000006707974686f6e",
	},
}
