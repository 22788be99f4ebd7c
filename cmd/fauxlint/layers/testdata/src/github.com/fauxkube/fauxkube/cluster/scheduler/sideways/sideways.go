package sideways

import (
	_ "github.com/fauxkube/fauxkube/cluster/client"
	_ "github.com/fauxkube/fauxkube/cluster/controller/store" // want `cluster/scheduler/sideways may not import cluster/controller/store: components share only the API`
)
