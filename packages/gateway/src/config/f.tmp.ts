import fc from 'fast-check'; import { stringify } from 'yaml';
import { readConfigurationText } from './read-file.ts'; import { buildSnapshot } from './build.ts'; import {describeAvailability} from './report.ts';
const keys=['server','port','host','adminKey','keys','name','key','sha256','models','endpoints','provider','model','price','input','output','providers','id','baseUrl','auth','header','fallbacks','defaults','deadlines','retries','sandbox','discovery','cors','origins','model_list','litellm_params','model_name','model_info','litellm_settings','router_settings','general_settings','include','environment_variables','api_key','api_base','weight','order','timeout','model_group_alias','default_fallbacks','master_key','credential_list','__proto__','constructor','tiers','headers','extra_headers','*'];
const leaf=fc.oneof(fc.constantFrom('openai/gpt-4o','*','openai/*','${A}','${A:-1}','os.environ/A','gpt-4o','bedrock/x','groq/x','http://a/v1','',' '),fc.integer(),fc.double(),fc.boolean(),fc.constant(null),fc.string({maxLength:6}));
const tree=fc.letrec(t=>({n:fc.oneof({depthSize:'large',withCrossShrink:true},leaf,fc.array(t('n'),{maxLength:3}),fc.dictionary(fc.constantFrom(...keys),t('n'),{maxKeys:6}))})).n;
let ok=0,bad=0;
const entry=fc.record({model_name:leaf,litellm_params:fc.dictionary(fc.constantFrom(...keys,'input_cost_per_token','rpm','stream_timeout','max_retries','custom_llm_provider'),leaf).chain(d=>leaf.map(m=>({...d,model:m}))),model_info:tree},{requiredKeys:[]});
const lit=fc.record({model_list:fc.oneof(tree,fc.array(entry)),router_settings:fc.oneof(tree,fc.record({fallbacks:fc.array(fc.dictionary(leaf.map(String),tree)),model_group_alias:fc.dictionary(leaf.map(String),tree)})),environment_variables:tree},{requiredKeys:['model_list']});
const tp=fc.record({models:fc.array(fc.record({name:leaf,endpoints:fc.array(fc.oneof(leaf,tree)),fallbacks:fc.array(leaf)},{requiredKeys:['name','endpoints']})),server:tree,keys:fc.array(tree),providers:fc.array(tree)},{requiredKeys:[]});
await fc.assert(fc.asyncProperty(fc.oneof(tree,lit,tp,tp,lit), async (v)=>{ 
  const text=stringify(v); const environment={A:'7',OPENAI_API_KEY:'k'};
  const r=await readConfigurationText(text,{file:'f',path:'/f',environment,readInclude:async(p)=>({file:p,line:0,column:0,path:'',message:'gone'})});
  if(!r.configuration){bad++; if(r.problems.length===0) throw new Error('no problems'); return}
  ok++; describeAvailability(r.configuration,environment); const s=buildSnapshot(r.configuration,environment,{version:1}); s.models.length; for(const n of ['gpt-4o','openai/x','x','*',''])s.resolveModel(n)?.endpoints.map(e=>e.price); s.nearNames('gpt');
}),{numRuns:4000});
console.log({ok,bad});
await fc.assert(fc.asyncProperty(fc.string({unit:fc.constantFrom('a',':',' ','\n','-','[',']','{','}','&','*','"',"'",'#','!','|','>','%','@','\t','model_list'),maxLength:60}), async(text)=>{ const r=await readConfigurationText(text,{file:'f',path:'/f',environment:{},readInclude:async(p)=>({file:p,line:0,column:0,path:'',message:'gone'})}); if(!r.configuration&&r.problems.length===0) throw new Error('np');}),{numRuns:5000});
