package api

// table lists every key that this broker answers, with its versions as they are advertised. A key that is not here closes
// the connection, and so does a version outside the row (ApiVersions excepted). Lowest and highest versions are Kafka
// 4.2's, unless a note says why not.
func table() []entry {
	return []entry{
		row(0, 4, noNeed, refuseApiVersions, apiVersions),
	}
}
