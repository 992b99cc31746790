-- Looks products up: sends the requests of a file, a path and a token a line, one after the other.

function init(args)
    prepared = {}
    for line in io.lines(args[1]) do
        local path, token = line:match("(%S+) (%S+)")
        prepared[#prepared + 1] = wrk.format("GET", path, { ["Authorization"] = "Bearer " .. token })
    end
    place = 0
end

function request()
    place = place % #prepared + 1
    return prepared[place]
end

function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), failed))
end
