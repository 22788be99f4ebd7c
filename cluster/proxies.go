package cluster

func (c *Cluster) startProxy(*Node) {}
