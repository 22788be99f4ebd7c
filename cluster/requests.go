package cluster

import (
	"strconv"

	"github.com/fauxkube/fauxkube/cluster/metrics"
)

// RequestCount is how many requests of one sort one client has made, over all API servers.
type RequestCount struct {
	Client      string
	Verb        string
	Resource    string
	Subresource string
	Code        int
	Count       int64
}

// Requests counts the requests that the API servers have completed, sorted by client, resource, verb and code.
func (c *Cluster) Requests() []RequestCount {
	var counts []RequestCount
	index := map[RequestCount]int{}
	c.metrics.EachOf("apiserver_request_total", func(s *metrics.Series) {
		code, err := strconv.Atoi(s.Label("code"))
		if err != nil {
			panic("cluster: apiserver_request_total has the code " + s.Label("code"))
		}
		row := RequestCount{
			Client: s.Label("client"), Verb: s.Label("verb"), Resource: s.Label("resource"), Subresource: s.Label("subresource"), Code: code,
		}
		i, ok := index[row]
		if !ok {
			i = len(counts)
			index[row] = i
			counts = append(counts, row)
		}
		counts[i].Count += s.Counter.Value()
	})
	return counts
}
