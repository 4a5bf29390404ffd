// Package send sends a report's numbers to the databases of metrics that people watch: InfluxDB, in its line protocol, and
// Datadog's API v2. What is sent is what the formats influx and datadog of package report write, so nothing that was not
// measured is sent, and the same report sent twice is the same points.
//
// Tokens come from the environment alone. One in a URL is refused, as URLs end up in logs; none is printed, also where the
// server repeats it, and none follows a redirect, which is an error that names where it leads.
//
// A request is tried again where that can help: a network that fails, a server that is busy (408, 429, 500, 502, 503, 504),
// after as long as it says in Retry-After, else after waits that double, each made longer or shorter by chance so that many
// senders do not come back at once. An answer that will be the same again is final. It does not queue on disk: the report is a file already.
package send
