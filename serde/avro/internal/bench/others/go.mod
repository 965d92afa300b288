// The other implementations that are compared stay out of the product's own dependencies.
module github.com/typelog/typelog/serde/avro/internal/bench/others

go 1.26.0

require (
	github.com/actgardner/gogen-avro/v10 v10.2.1
	github.com/linkedin/goavro/v2 v2.15.0
	github.com/twmb/avro v1.9.0
	github.com/typelog/typelog v0.0.0
)

require github.com/golang/snappy v0.0.4 // indirect

replace github.com/typelog/typelog => ../../../../..

tool github.com/actgardner/gogen-avro/v10/cmd/gogen-avro
