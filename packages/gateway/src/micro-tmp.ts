import { mkdtempSync, rmSync } from 'node:fs';
import { buildSnapshot } from './config/build.ts';
import { loadConfiguration } from './config/load.ts';
import { serve } from './http/serve.ts';
import { ActiveExchanges } from './pipeline/services.ts';
import { KeyTable } from './policy/identify.ts';
import { Alarms } from './runtime/alarm.ts';
import { Reachability } from './runtime/reachable.ts';
import { openStore } from './store/open-store.ts';
import { ExchangeLog } from './telemetry/exchange-log.ts';
const [mode='serve', nArg='20000', batches='7'] = process.argv.slice(2);
const N=+nArg;
const l = await loadConfiguration({file:'/tmp/x/t.yaml',environment:{}}); const snapshot=buildSnapshot(l.configuration!, {}, {version:1});
const keys=new KeyTable(); for(const k of snapshot.keys) keys.add(k.sha256,k);
let record:any=()=>{}; let dir=''; let elog:any;
if(mode==='full'||mode==='trfull'){ dir=mkdtempSync('/tmp/perf/data-'); const store=await openStore({dataDir:dir}); elog=new ExchangeLog(store); record=(r:any)=>elog.add(r); }
const services:any={snapshot,keys,alarms:new Alarms(),reachability:new Reachability(),record,random:Math.random,onDefect(e:any){console.log(e)},active:new ActiveExchanges()};
const reply=new TextEncoder().encode(JSON.stringify({id:'chatcmpl-1',object:'chat.completion',created:1,model:'gpt-4o-mini',choices:[{index:0,message:{role:'assistant',content:'x'.repeat(500),refusal:null},logprobs:null,finish_reason:'stop'}],usage:{prompt_tokens:10,completion_tokens:100,total_tokens:110,prompt_tokens_details:{cached_tokens:0,audio_tokens:0},completion_tokens_details:{reasoning_tokens:0,audio_tokens:0}},service_tier:'default'}));
globalThis.fetch=(async()=>new Response(reply,{headers:{'content-type':'application/json','content-length':String(reply.length),'x-request-id':'r'}})) as any;
const tr=mode.startsWith('tr');
const body=JSON.stringify({model:'m',...(tr?{max_tokens:100}:{}),messages:[{role:'user',content:'x'.repeat(250)}]});
const mk=()=>new Request('http://127.0.0.1:4602'+(tr?'/v1/messages':'/v1/chat/completions'),{method:'POST',body,headers:{authorization:'Bearer sk-bench-0123456789','content-type':'application/json','content-length':String(body.length)}});
const bare=async()=>{const request=mk(); const b=await request.json(); const r=await fetch('http://x/',{method:'POST',headers:{'content-type':'application/json',authorization:request.headers.get('authorization')??''},body:JSON.stringify(b)}); const type=r.headers.get('content-type')??''; const a=await r.json(); return new Response(JSON.stringify(a),{status:r.status,headers:{'content-type':type}})};
const run=mode==='bare'?bare:()=>serve(services,mk(),()=>{});
const first=await run(); if(first.status!==200) throw new Error(await first.text());
let since=0;
async function batch(n:number){ const c=process.cpuUsage(); const t=performance.now(); for(let i=0;i<n;i++){ await run(); if(++since===64){since=0; await new Promise(r=>setImmediate(r));} } if(elog) await elog.flush(); const d=process.cpuUsage(c); return [(d.user+d.system)/n,(performance.now()-t)*1000/n]; }
await batch(30000);
const cpu:number[]=[],wall:number[]=[];
for(let k=0;k<+batches;k++){const [c,w]=await batch(N); cpu.push(c!); wall.push(w!);}
const med=(a:number[])=>a.sort((x,y)=>x-y)[a.length>>1]!;
console.log(mode,'cpu',med(cpu).toFixed(2),'min',cpu[0]!.toFixed(2),'wall',med(wall).toFixed(2),'min',wall[0]!.toFixed(2));
if(dir) rmSync(dir,{recursive:true});
process.exit(0);
