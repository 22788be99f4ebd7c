package upward

import _ "github.com/fauxkube/fauxkube/cluster/api" // want `sim/upward may not import cluster/api: imports point down`
