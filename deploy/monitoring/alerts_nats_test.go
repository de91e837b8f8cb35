package monitoring_test

// natsScenarios are those of alerts about metrics of the NATS exporter. Its labels are as version 0.20.1 has them.
var natsScenarios = map[string][]scenario{
	"NatsStorageFilling": {
		{"one server has less room than the others", true, `jetstream_server_total_message_bytes{namespace="n",server_name="nats-0"} 85x60
jetstream_server_max_storage{namespace="n",server_name="nats-0"} 100x60
jetstream_server_total_message_bytes{namespace="n",server_name="nats-1"} 85x60
jetstream_server_max_storage{namespace="n",server_name="nats-1"} 200x60`},
		{"there is room", false, `jetstream_server_total_message_bytes{namespace="n",server_name="nats-0"} 70x60
jetstream_server_max_storage{namespace="n",server_name="nats-0"} 100x60`},
		{"for a moment", false, `jetstream_server_total_message_bytes{namespace="n",server_name="nats-0"} 85x10 20x60
jetstream_server_max_storage{namespace="n",server_name="nats-0"} 100x70`},
	},
	"NatsStreamWithoutLeader": {
		{"one of three servers is left", true, `jetstream_stream_last_seq{namespace="n",stream_name="CLIENTS",stream_leader="nats-1"} 7x4 stale _x20
jetstream_stream_last_seq{namespace="n",stream_name="CLIENTS",stream_leader=""} _x5 7x20`},
		{"another stream has one", true, `jetstream_stream_last_seq{namespace="n",stream_name="PROJECTS",stream_leader=""} 7x20
jetstream_stream_last_seq{namespace="n",stream_name="CLIENTS",stream_leader="nats-1"} 7x20`},
		{"the leader cannot be scraped", false, `jetstream_stream_last_seq{namespace="n",pod="nats-0",stream_name="CLIENTS",stream_leader="nats-1"} 7x20
jetstream_stream_last_seq{namespace="n",pod="nats-1",stream_name="CLIENTS",stream_leader="nats-1"} 7x4 stale _x15`},
		{"a server that was cut off", false, `jetstream_stream_last_seq{namespace="n",pod="nats-0",stream_name="CLIENTS",stream_leader=""} 7x20
jetstream_stream_last_seq{namespace="n",pod="nats-1",stream_name="CLIENTS",stream_leader="nats-1"} 9x20`},
		{"an election", false, `jetstream_stream_last_seq{namespace="n",stream_name="CLIENTS",stream_leader="nats-1"} 7x4 stale _x2 7x15
jetstream_stream_last_seq{namespace="n",stream_name="CLIENTS",stream_leader=""} _x5 7x1 stale _x13`},
	},
	"NatsReplicaBehind": {
		{"a server does not catch up", true, `jetstream_stream_last_seq{namespace="n",pod="nats-0",stream_name="CLIENTS"} 1000+10x60
jetstream_stream_last_seq{namespace="n",pod="nats-1",stream_name="CLIENTS"} 500x60`},
		{"scrapes at different moments under load", false, `jetstream_stream_last_seq{namespace="n",pod="nats-0",stream_name="CLIENTS"} 1000+100000x60
jetstream_stream_last_seq{namespace="n",pod="nats-1",stream_name="CLIENTS"} 0+100000x60`},
		{"a server that catches up", false, `jetstream_stream_last_seq{namespace="n",pod="nats-0",stream_name="CLIENTS"} 1000x60
jetstream_stream_last_seq{namespace="n",pod="nats-1",stream_name="CLIENTS"} 500x10 1000x50`},
	},
}
