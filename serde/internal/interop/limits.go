package main

// limits says which cases a library cannot do, and why. Each was looked at: the fault is not here.
var limits = map[string]map[string]string{
	"java": {
		"timestamp-nanos before 1970":       nanosBefore1970,
		"local-timestamp-nanos before 1970": nanosBefore1970,
	},
	"avro": {
		"union": "a Python bool is an int, and the writer takes the last branch that fits: long and not boolean",
	},
}

const nanosBefore1970 = "Avro 1.12's TimestampNanosConversion adjusts the fraction of negative values by milliseconds, so they come back changed"
