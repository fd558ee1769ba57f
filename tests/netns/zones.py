"""Small zones made for a test: answers of a chosen size."""


def txt_zone(origin="big.example.", sizes=(), serial=1):
    """A zone whose name tN holds TXT records that make an answer of about sizes[N] bytes over TCP.

    One TXT record of n character strings of 250 bytes costs 12 bytes and 251 for each string.
    """
    lines = [f"$ORIGIN {origin}", "$TTL 300", f"@ SOA ns hostmaster {serial} 3600 900 604800 300", "@ NS ns",
             "ns A 192.0.2.53", "ns AAAA 2001:db8::53", f'serial TXT "{serial}"']
    for n, size in enumerate(sizes):
        count = 0
        while size > 0:
            letters = f"{n}-{count:05d}-"
            lines.append(f't{n} TXT "{letters}{"x" * (min(size, 250) - len(letters))}"')
            count += 1
            size -= 263
    return "\n".join(lines) + "\n"
