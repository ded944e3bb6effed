import torch
import torch.nn.functional as F
from vpt_gym.agents.engine.dense import *
from vpt_gym.agents.engine.images import _Stack,_Conv
from vpt_gym.agents.engine.ring import Ring
from vpt_gym.agents.cnn import pixel_sums
from vpt_gym.agents.memory import N_BIAS_FUNCTIONS
def ln(m): return (m.weight.shape, m.weight.detach(), m.bias.detach(), m.eps)
class Proto:
    def __init__(self,policy,B=1,conv=torch.float32,kinds=None,default='fp32'):
        kinds=kinds or {}
        def mk(name,w,b):
            k=kinds.get(name,default); w=w.detach(); b=None if b is None else b.detach()
            return {'fp32':lambda:PackedDense(w,b,B),'fp16':lambda:HalfDense(w,b),'int8':lambda:Int8Dense(w,b),'int8c':lambda:Int8Dense(w,b,False),'plain':lambda:PlainDense(w,b,torch.float32)}[k]()
        c=policy.config; self.c=c; net=policy.net; im=net.img_process
        size=128//c.stem_pool; self.conv=conv
        self.stacks=[]
        for i,s in enumerate(im.cnn.stacks):
            self.stacks.append(_Stack(s,size,conv,1/(255*c.stem_pool**2) if i==0 else 1.0)); size=(size+1)//2
        C=c.channels[-1]
        d=im.cnn.dense
        perm=lambda t: t.detach().unflatten(-1,(C,size,size)).movedim(-3,-1).flatten(-3)
        self.dnorm=((C*size*size,),perm(d.norm.weight).contiguous(),perm(d.norm.bias).contiguous(),d.norm.eps)
        self.dense=mk('dense',perm(d.layer.weight).contiguous(),None)
        self.lnorm=ln(im.linear.norm); self.lin=mk('linear',im.linear.layer.weight,None)
        self.blocks=[]
        for b in net.recurrent_layer.blocks:
            a=b.r.orc_block
            D=c.hidsize
            w=torch.cat([a.q_layer.weight,a.k_layer.weight,a.v_layer.weight,a.r_layer.weight])
            bb=torch.cat([a.q_layer.bias,torch.zeros(2*D),a.r_layer.bias])
            self.blocks.append(dict(pre=ln(b.pre_r_ln),qkvr=mk('qkvr',w,bb),proj=mk('proj',a.proj_layer.weight,a.proj_layer.bias),n0=ln(b.mlp0.norm),m0=mk('mlp0',b.mlp0.layer.weight,None),m1=mk('mlp1',b.mlp1.layer.weight,b.mlp1.layer.bias),b_nd=a.b_nd.detach()))
        self.lastn=ln(net.lastlayer.norm); self.last=mk('last',net.lastlayer.layer.weight,None); self.fin=ln(net.final_ln)
        p=policy.pi_head
        self.heads=mk('heads',torch.cat([p.buttons.linear_layer.weight,p.camera.linear_layer.weight])/c.pi_head_temperature,torch.cat([p.buttons.linear_layer.bias,p.camera.linear_layer.bias])/c.pi_head_temperature)
        self.nb=p.buttons.linear_layer.out_features
        self.ring=Ring(c,B,torch.device('cpu'))
    def images(self,frames):
        x=pixel_sums(frames,self.c.stem_pool).to(self.conv).permute(0,3,1,2)
        for s in self.stacks: x=s(x)
        x=x.permute(0,2,3,1).flatten(1).float()
        x=self.dense(F.layer_norm(x,*self.dnorm)).relu_()
        return self.lin(F.layer_norm(x,*self.lnorm)).relu_()
    def step(self,frames,first):
      with torch.inference_mode():
        c=self.c;D=c.hidsize;H=c.attention_heads
        x=self.images(frames); B=len(x)
        r=self.ring; r.advance(first); dist=r.distances()
        for i,b in enumerate(self.blocks):
            u=F.layer_norm(x,*b['pre'])
            q,k,v,rr=b['qkvr'](u).split([D,D,D,10*H],1)
            k,v=r.write(i,k,v)
            bias=torch.baddbmm(r.mask,rr.reshape(B,H,10),b['b_nd'].index_select(1,dist).expand(B,-1,-1))
            a=F.scaled_dot_product_attention(q.view(B,H,1,-1) if 0 else q.reshape(B,H,1,-1),k.unflatten(2,(H,-1)).transpose(1,2),v.unflatten(2,(H,-1)).transpose(1,2),bias[:,:,None],scale=1/c.head_size)
            y=b['proj'](a.reshape(B,D)).add_(u)
            x=b['m1'](b['m0'](F.layer_norm(y,*b['n0'])).relu_()).add_(y)
        x=self.last(F.layer_norm(x.relu_(),*self.lastn)).relu_()
        lat=F.layer_norm(x,*self.fin)
        l=self.heads(lat)
        return l[:,:self.nb].log_softmax(-1),l[:,self.nb:].log_softmax(-1)
