// Loaded before Portkey's gateway: it has no option for the address to listen on and would bind every interface.
import net from 'node:net';

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function listenOnLoopback(...args) {
  const [first] = args;
  const rest = args.filter((arg) => typeof arg === 'function');
  if (/^\d+$/.test(String(first))) return listen.call(this, Number(first), '127.0.0.1', ...rest);
  if (first !== null && typeof first === 'object' && first.port !== undefined) {
    return listen.call(this, { ...first, host: '127.0.0.1' }, ...rest);
  }
  return listen.apply(this, args);
};
