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
