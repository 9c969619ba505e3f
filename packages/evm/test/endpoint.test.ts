import { endpointConformance } from './conformance/endpoint.ts'
import { makeWorld } from './support/world.ts'

endpointConformance(makeWorld)
