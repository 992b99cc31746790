-- Scans: one event with an id of its own a request, cart after cart of a file (a cart and a token a line).

function init(args)
    carts, codes, run, sent = {}, {}, tonumber(args[3]), 0
    for line in io.lines(args[1]) do
        local cart, token = line:match("(%S+) (%S+)")
        carts[#carts + 1] = {
            path = "/v1/carts/" .. cart .. "/scans",
            headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" },
        }
    end
    for code in io.lines(args[2]) do codes[#codes + 1] = code end
end

function request()
    sent = sent + 1
    local cart, code = carts[sent % #carts + 1], codes[sent % #codes + 1]
    local id = string.format("%08x-0000-7000-8000-%012x", run, sent)
    local body = '{"events":[{"type":"scan","id":"' .. id .. '","code":"' .. code .. '"}]}'
    return wrk.format("POST", cart.path, cart.headers, body)
end

function done(summary, latency)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), failed))
end
