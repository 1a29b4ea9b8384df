-- Cycles through the cookies of the file named in COOKIES, one a request.
local cookies = {}
local at = 0
for line in io.lines(os.getenv('COOKIES')) do cookies[#cookies + 1] = line end
request = function()
  at = at % #cookies + 1
  return wrk.format('GET', nil, { Cookie = cookies[at] })
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT %d %d %d %d %d\n', summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
